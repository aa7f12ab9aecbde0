package redistest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// Runner runs the tests of a package; *testing.M is one.
type Runner interface{ Run() int }

// Main runs the tests of a package, for its TestMain, and lets them use SharedServer. It returns the
// code to exit with.
func Main(m Runner, opts ...Option) int { return Shared(m, opts...).Run() }

// Shared is Main for a TestMain that has more to do around the tests:
//
//	goleak.VerifyTestMain(redistest.Shared(m))
func Shared(m Runner, opts ...Option) Runner { return sharing{m, opts} }

type sharing struct {
	tests Runner
	opts  []Option
}

func (s sharing) Run() int {
	common.open(s.opts)
	code := s.tests.Run()
	if err := common.close(); err != nil {
		fmt.Fprintf(os.Stderr, "redistest: stop the shared server: %v\n", err)
		return max(code, 1)
	}
	return code
}

// SharedServer is the server that all tests of the package share, started by the first that asks.
// TestMain runs the tests through Main. Nobody may stop or flush it: a test keeps to its Namespace.
func SharedServer(t testing.TB) *Server {
	t.Helper()
	in, err := common.get()
	if err != nil {
		t.Fatalf("redistest: shared server: %v", err)
	}
	return &Server{t: t, shared: true, instance: in}
}

// Namespace is a name that no other test and no other call has, of at most 48 lower case letters, digits
// and hyphens. It begins with the name of the test, for those who look into the server.
func Namespace(t testing.TB) string {
	const most = 40 // bytes of the test's name
	name := strings.Map(safe, strings.ToLower(t.Name()))
	return name[:min(len(name), most)] + "-" + strings.ToLower(rand.Text()[:7])
}

func safe(r rune) rune {
	if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
		return r
	}
	return '-'
}

// common is the shared server of this process: TestMain has no other way to hand it to the tests.
var common commonServer

type commonServer struct {
	mu       sync.Mutex
	opened   bool
	opts     []Option
	home     string
	instance *instance
	err      error // of the first try, for all who ask
}

func (c *commonServer) open(opts []Option) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened, c.opts = true, opts
}

func (c *commonServer) get() (*instance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.opened {
		return nil, errors.New("TestMain does not run the tests through redistest.Main")
	}
	if c.instance == nil && c.err == nil {
		c.err = c.launch()
	}
	return c.instance, c.err
}

func (c *commonServer) launch() error {
	home, err := os.MkdirTemp("", "redistest")
	if err != nil {
		return err
	}
	c.home = home
	c.instance, err = launch(home, c.opts)
	return err
}

func (c *commonServer) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	if c.instance != nil {
		err = c.instance.close()
	}
	if c.home != "" {
		err = errors.Join(err, os.RemoveAll(c.home))
	}
	c.opened, c.opts, c.home, c.instance, c.err = false, nil, "", nil, nil
	return err
}
