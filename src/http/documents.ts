/** The API described, for programs and for people. */
import { apiDocument, type DocumentOptions } from './openapi/document';
import { apiPage } from './openapi/page';
import type { Routes } from './routes';

/** `/openapi.json` and `/docs`. */
export function documentRoutes(options: DocumentOptions): Routes {
  const document = apiDocument(options);
  const { html, contentSecurityPolicy } = apiPage(document);
  return {
    '/openapi.json': { get: (_req, res) => void res.json(document) },
    '/docs': {
      get: (_req, res) =>
        void res.type('html').set('Content-Security-Policy', contentSecurityPolicy).send(html),
    },
  };
}
