/** Orders that expire unless they are paid. */
import { expireMinutes, orderPayload } from '../targets';
import { requireTarget } from './authentication';
import type { RouteOptions, Routes } from './routes';
import { validBody } from './validation';

const MINUTE_MS = 60_000;

const submitOrder = orderPayload.extend({ expire_minutes: expireMinutes.default(30) });

/** `POST /submit-order`, and `POST /dlx-order`, its older name. */
export function orderRoutes({ scheduler, clock }: Pick<RouteOptions, 'scheduler' | 'clock'>): Routes {
  const submit: NonNullable<Routes[string]['post']> = async (req, res) => {
    const order = validBody(submitOrder, req.body);
    requireTarget(req, 'orders');
    const dueAt = clock() + order.expire_minutes * MINUTE_MS;
    const message = await scheduler.schedule({ to: 'orders', payload: order, dueAt });
    res.status(202).json({
      msg: `order ${order.order_id} expires in ${order.expire_minutes} minutes unless it is paid`,
      id: message.id,
      due_at: new Date(message.dueAt).toISOString(),
    });
  };
  return { '/submit-order': { post: submit }, '/dlx-order': { post: submit } };
}
