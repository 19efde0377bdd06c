/** Orders that expire unless they are paid. */
import { isoTime } from '../clock';
import { LedgerOffError } from '../errors';
import { expireMinutes, orderPayload } from '../targets';
import { requireTarget } from './authentication';
import { originOf } from './origin';
import { orderMessageId, own } from './own-id';
import type { RouteOptions, Routes } from './routes';
import { validBody } from './validation';

const MINUTE_MS = 60_000;

/** The body of `POST /submit-order`. */
export const submitOrder = orderPayload.extend({
  expire_minutes: expireMinutes.default(30).describe('How long it may remain unpaid, in minutes'),
});

/** `POST /submit-order`, `POST /dlx-order`, its older name, and `POST /orders/{order_id}/paid`. */
export function orderRoutes({
  acceptance,
  cancellation,
  ledger,
  clock,
}: Pick<RouteOptions, 'acceptance' | 'cancellation' | 'ledger' | 'clock'>): Routes {
  const submit: NonNullable<Routes[string]['post']> = async (req, res) => {
    const order = validBody(submitOrder, req.body);
    requireTarget(req, 'orders');
    const { id, dueAt, replayed } = await acceptance.accept({
      to: 'orders',
      payload: order,
      dueAt: clock() + order.expire_minutes * MINUTE_MS,
      ...originOf(req),
      // Without a ledger nobody would know that it is taken; then every submission counts.
      own: ledger && own(orderMessageId(order.order_id), order),
    });
    if (replayed) res.set('Idempotent-Replayed', 'true');
    res.status(202).json({
      msg: `order ${order.order_id} expires in ${order.expire_minutes} minutes unless it is paid`,
      id,
      due_at: isoTime(dueAt),
    });
  };
  return {
    '/submit-order': { post: submit },
    '/dlx-order': { post: submit },
    '/orders/:order_id/paid': {
      post: async (req, res) => {
        requireTarget(req, 'orders');
        if (!ledger) throw new LedgerOffError('Cancelling by order');
        const orderId = String(req.params.order_id);
        const id = orderMessageId(orderId);
        const record = await ledger.find(id);
        // Whoever uses other targets may have chosen the id as their own.
        if (record) requireTarget(req, record.to);
        await cancellation.cancel(id);
        res.json({ msg: `order ${orderId} is paid and does not expire`, id, status: 'cancelled' });
      },
    },
  };
}
