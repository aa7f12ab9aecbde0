package redistest

import (
	"crypto/tls"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server that runs for a test. Its methods may be called from several goroutines.
//
// Those that start, stop and disturb the process mark the test as failed when they do not succeed
// and return, so that they may be called beside the test's own goroutine. On the shared server
// they do nothing but fail the test.
type Server struct {
	t        testing.TB
	shared   bool
	instance *instance
}

// Start runs a redis-server until the test and its cleanups registered later have ended. Without
// options it keeps everything in memory. The test ends here when there is no server to be had.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	in, err := launch(t.TempDir(), opts)
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(func() {
		if err := in.close(); err != nil {
			t.Errorf("redistest: stop: %v", err)
		}
	})
	return &Server{t: t, instance: in}
}

// URL is where a client connects as the default user, for example redis://127.0.0.1:20000/0, or
// rediss:// with TLS.
func (s *Server) URL() string { return s.instance.url() }

// Addr is host and port, for example 127.0.0.1:20000. They stay the same over a Restart.
func (s *Server) Addr() string { return s.instance.addr() }

// Client is a client of the server, always the same one, that repeats nothing by itself. It may do
// everything, whatever User and Conf have done to the default user. It is closed with the server.
func (s *Server) Client() *redis.Client { return s.instance.client }

// TLSConfig trusts the server's certificate authority; nil without TLS. Each call makes a new one.
func (s *Server) TLSConfig() *tls.Config { return s.instance.tlsConfig() }

// CAFile is the certificate of that authority, as PEM; "" without TLS.
func (s *Server) CAFile() string { return s.instance.authority.file }

// Dir is the folder with the server's data.
func (s *Server) Dir() string { return s.instance.settings.data }

// PID is the process, also when it has ended.
func (s *Server) PID() int { return s.instance.running().pid() }

// Ended is closed when the present process has ended, by whatever reason.
func (s *Server) Ended() <-chan struct{} { return s.instance.running().ended }

// Stop ends the server in good order and waits for that. Stopped already is fine.
func (s *Server) Stop() {
	s.t.Helper()
	s.control("stop", (*instance).stop)
}

// Kill ends the server by SIGKILL and waits for that. Ended already is fine.
func (s *Server) Kill() {
	s.t.Helper()
	s.control("kill", (*instance).kill)
}

// Restart starts the server again with the same port, data and options, and waits until it has
// loaded its data. It stops it first when it runs.
func (s *Server) Restart() {
	s.t.Helper()
	s.control("restart", (*instance).restart)
}

// Pause stops the process where it is, by SIGSTOP. Connections stay and hear nothing.
func (s *Server) Pause() {
	s.t.Helper()
	s.control("pause", (*instance).pause)
}

// Resume lets a paused process go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.control("resume", (*instance).resume)
}

func (s *Server) control(verb string, do func(*instance) error) {
	s.t.Helper()
	if s.shared {
		s.t.Errorf("redistest: %s would disturb the other tests of the shared server; use Start", verb)
		return
	}
	if err := do(s.instance); err != nil {
		s.t.Errorf("redistest: %s: %v", verb, err)
	}
}
