/** There is no emulator, or it refused a scenario, a name or a number. */
export declare class EmulatorError extends Error {}

/** Fewer requests came than were expected. */
export declare class ExpectationError extends Error {}

/** The kind of a request. */
export type RequestKind =
  | "run" | "stream" | "realtime" | "web_socket" | "submit" | "status" | "status_stream" | "result" | "cancel" | "token"
  | "upload_initiate" | "upload" | "media" | "platform" | "other";

/** The response to a recorded request. It has `json`, `text` or `base64`, or the number of `bytes` of a file. */
export interface RecordedResponse {
  status: number;
  headers: Record<string, string>;
  /** The time from the arrival of the request to the end of the response. */
  seconds: number;
  /** False if a rule or the client ended the response before its end. */
  complete: boolean;
  json?: any;
  text?: string;
  base64?: string;
  bytes?: number;
}

/** A recorded request. Its body is `json`, `text` or `base64`. */
export interface RecordedRequest {
  kind: RequestKind;
  endpoint: string | null;
  request_id: string | null;
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  time: string;
  scope: string | null;
  json?: any;
  text?: string;
  base64?: string;
  /** Null until the response has ended. */
  response: RecordedResponse | null;
}

/** Conditions for recorded requests. */
export interface RequestFilter {
  kind?: RequestKind;
  endpoint?: string;
  status?: number;
}

/** An attempt to deliver a webhook. */
export interface Delivery {
  request_id: string;
  url: string;
  /** Starts with 1. */
  attempt: number;
  headers: Record<string, string>;
  json: any;
  /** The status that the receiver answered with. */
  status: number | null;
  /** The reason for which there is no status. */
  error: string | null;
  scope: string | null;
}

/** A number of requests to wait for. `json` is a part of the body. */
export interface Expectation extends RequestFilter {
  json?: unknown;
  count?: number;
  seconds?: number;
}

/**
 * A part of the emulator with its own scripts, rules, recorded requests, deliveries of webhooks, queue and clock.
 *
 * Calls with the key `key` belong to it, and so do the polls, downloads and uploads that follow from them.
 */
export declare class Scope {
  readonly name: string;
  readonly key: string;
  readonly url: string;
  private constructor();
  scenario(scenario: { endpoint?: object[]; rule?: object[]; history?: object; account?: object }): Promise<void>;
  endpoint(id: string, behaviour: object): Promise<void>;
  reply(id: string, output: unknown, options?: { times?: number }): Promise<void>;
  fail(id: string, status: number, body?: unknown, options?: { times?: number }): Promise<void>;
  flagNsfw(id: string, options?: { times?: number }): Promise<void>;
  refuseContent(id: string, options?: { times?: number }): Promise<void>;
  lockAccount(reason?: string): Promise<void>;
  unlockAccount(): Promise<void>;
  rateLimit(times?: number): Promise<void>;
  rule(rule: object): Promise<void>;
  requests(filter?: RequestFilter): Promise<RecordedRequest[]>;
  expect(expectation?: Expectation): Promise<RecordedRequest[]>;
  webhooks(filter?: { requestId?: string; status?: number; count?: number; seconds?: number }): Promise<Delivery[]>;
  advance(seconds: number): Promise<void>;
  reset(): Promise<void>;
  har(): Promise<object>;
  close(): Promise<void>;
}

/** Opens a scope of the running emulator. The default is a new name, and the emulator of `FAL_EMULATOR_URL`. */
export declare function openScope(options?: { name?: string; url?: string }): Promise<Scope>;
