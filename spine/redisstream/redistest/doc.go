// Package redistest gives a test a real redis-server, and a network between the two that can be
// made to fail.
//
//	server := redistest.Start(t, redistest.AOF("always"))
//	proxy := redistest.NewProxy(t, server.Addr())
//	proxy.DropReply(1, "EVALSHA") // the next script runs, and nobody hears of it
//	server.Kill()                 // as kill -9 does
//	server.Restart()              // same port, same data
//
// A Server listens on the loopback interface alone, keeps its data in a folder of the test, and
// ends with the test, or with the test's process where the system can promise that (Linux).
// Nothing is skipped: a test without an installed redis-server fails.
//
// Many small tests share one server, each in its own namespace:
//
//	func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }
//
//	func TestOne(t *testing.T) {
//		url, ns := redistest.SharedServer(t).URL(), redistest.Namespace(t)
//
// A Proxy looks at each request that passes, and a Rule says what becomes of it. What a fault
// leaves behind is certain, not a matter of timing:
//
//	             before the request  the request               its reply   the connection
//	Pass                 -           delivered                 delivered   stays
//	DropReplyAndClose  answered      done by the server        swallowed   closed after it is done
//	CloseBefore        answered      never delivered           -           closed
//	Delay(d)           answered      delivered d later         swallowed   closed at once
//	Blackhole          answered      never delivered           -           stays, in silence
//	BlackholeReply     answered      done by the server        swallowed   stays, in silence
//
// After any but Pass, what else the client has sent on that connection is lost. Publish and
// subscribe, MONITOR, and TLS do not go through a Proxy.
package redistest
