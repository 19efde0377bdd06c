/** What can go wrong, for many operations alike. */
import {
  BrokerUnavailableError,
  IdempotencyKeyReusedError,
  IdTakenError,
  InProgressError,
  LedgerOffError,
  OutcomeUnknownError,
  PublishRefusedError,
  TooLateError,
  UnknownMessageError,
} from '../../errors';
import { ForbiddenTargetError, UnauthenticatedError } from '../authentication';
import { BodyTooLargeError, LIMIT_BYTES } from '../body';
import { CrossSiteError } from '../cross-site';
import { answerTo, PROBLEM_JSON, problemAnswer } from '../errors';
import { TooManyRequestsError } from '../rate-limit';
import { InvalidRequestError, notJson } from '../validation';
import { type Refusals, type Responses, refusals } from './operation';
import { refTo } from './schemas';

const tooManyRequests = answerTo(
  new TooManyRequestsError('The key shop may send 100 requests in 1 s.'),
  false,
);

/** Whoever needs a key, or has sent too much. */
const access: Refusals = {
  noKey: new UnauthenticatedError(false),
  wrongKey: new UnauthenticatedError(true),
  tooManyRequests: { ...tooManyRequests, headers: { ...tooManyRequests.headers, 'Retry-After': '1' } },
};

/** A target that the key is not good for. */
export const boundKey: Refusals = {
  boundKey: new ForbiddenTargetError('This key is bound to emails and not good for orders.'),
};

/** Any body. */
export const readingBody = (limitBytes = LIMIT_BYTES): Refusals => ({
  wronglyCompressed: Object.assign(new Error('incorrect header check'), { status: 400 }),
  unknownEncoding: Object.assign(new Error('unsupported content encoding "br7"'), { status: 415 }),
  tooLarge: new BodyTooLargeError(limitBytes),
  notJson: notJson('json_invalid', 'the body is not JSON in UTF-8'),
});

/** One fault. */
export const invalid = (at: readonly string[], type: string, msg: string): Refusals => ({
  invalid: new InvalidRequestError([{ loc: at, msg, type }]),
});

/** Anything for which RabbitMQ is asked. */
export const askingBroker: Refusals = {
  brokerUnavailable: new BrokerUnavailableError('RabbitMQ at mq is not reachable for now.'),
  outcomeUnknown: new OutcomeUnknownError('RabbitMQ at mq did not confirm within 1500 ms.'),
};

/** Publishing. */
export const publishing: Refusals = {
  ...askingBroker,
  publishRefused: new PublishRefusedError('RabbitMQ at mq did not accept the message.'),
};

/** An id that counts once. */
export const ownId: Refusals = {
  idTaken: new IdTakenError('The id "cart-7" is that of a message with other content.'),
  beingAccepted: new InProgressError('The id "cart-7" is being accepted by another request. Try again.'),
};

/** The same for an Idempotency-Key. */
export const idempotencyKey: Refusals = {
  keyReused: new IdempotencyKeyReusedError('The id "cart-7" is that of a message with other content.'),
};

/** What needs the ledger. */
export const ledgerNeeded = (what: string): Refusals => ({ ledgerOff: new LedgerOffError(what) });

/** Reading it from RabbitMQ. */
export const readingLedger: Refusals = {
  ledgerUnreadable: new BrokerUnavailableError('RabbitMQ at mq is not reachable for now.'),
};

/** A message that is not known. */
export const unknownMessage: Refusals = {
  unknownMessage: new UnknownMessageError('cart-7'),
};

/** Changing a message. */
export const changing: Refusals = {
  ...unknownMessage,
  tooLate: new TooLateError('The message "cart-7" was handled.'),
  beingChanged: new InProgressError('The message "cart-7" is being changed by another request. Try again.'),
};

/** Asking for the same as others do at that moment. */
export const beingReplaced: Refusals = {
  beingReplaced: new InProgressError(
    'What "meeting:planning" names is being replaced by other requests. Try again.',
  ),
};

/** A target that is none. */
export const unknownTarget: Refusals = {
  unknownTarget: problemAnswer({
    status: 404,
    kind: 'not-found',
    title: 'Not found',
    detail: 'Nothing is parked under "nowhere", only under orders, delay.unroutable.',
  }),
};

/** Not able to do its work. */
export const notReady: Refusals = {
  notReady: problemAnswer({
    status: 503,
    kind: 'not-ready',
    title: 'Not ready',
    detail: 'RabbitMQ at mq is not reachable.',
  }),
};

/** What may change something, when a browser sends it for another site's page. */
const foreignPage: Refusals = { crossSite: new CrossSiteError() };

/** These errors, those of access, and any other as what is described nowhere else. */
export const failing = (...errors: readonly Refusals[]): Responses =>
  failingForAnybody(access, foreignPage, ...errors);

/** The same for a GET. */
export const failingGet = (...errors: readonly Refusals[]): Responses => failingForAnybody(access, ...errors);

/** The same where no key is needed and nothing is counted. */
export const failingForAnybody = (...errors: readonly Refusals[]): Responses => ({
  ...refusals(Object.assign({}, ...errors)),
  default: {
    description: 'Any other error',
    content: {
      [PROBLEM_JSON]: {
        schema: refTo('Problem'),
        example: problemAnswer(
          { status: 500, kind: 'internal', title: 'Unexpected error', detail: 'It is in the log.' },
          { error_id: '0b9c8d5e-6f0a-4f0e-9a51-3f8a7c1f2d10' },
        ).body,
      },
    },
  },
});
