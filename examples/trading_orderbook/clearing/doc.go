// Package clearing settles trades with a clearing house over HTTP: [Client] asks one, and [House] is
// one, for demonstrations and tests, which can be slow, flaky, out of service and choosy.
//
// # Protocol
//
// POST to the house's URL, with a JSON object:
//
//	{"trades":[{"key":"..","trade_id":"AAPL-17","symbol":"AAPL","buyer_id":"t1","seller_id":"t2",
//	            "quantity":100,"price":"150.25","amount":"15025.00"}, ..]}
//
// It answers 200 with a result for each trade, in the same order:
//
//	{"results":[{"key":"..","status":"settled","repeated":false},
//	            {"key":"..","status":"refused","reason":"INSUFFICIENT_FUNDS","detail":".."}]}
//
// or, with nothing settled, 5xx, 408, 425 or 429 (with Retry-After in seconds, or without), after which the
// same request may be sent again; any other status refuses the request and everything in it.
//
// The key makes a trade recognisable. A trade that comes again under its key, because an answer was
// lost, is not settled again and is answered as settled, repeated. A refusal settles nothing and
// is not remembered. A key under which another trade was settled is refused (KEY_REUSED).
package clearing
