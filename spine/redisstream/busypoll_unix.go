//go:build unix

package redisstream

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"time"
)

// polledConn is a connection that looks for a reply before it sleeps.
type polledConn struct {
	net.Conn
	raw  syscall.RawConn
	poll *busyPoll
}

// polled makes a connection look, if it can.
func polled(conn net.Conn, poll *busyPoll) net.Conn {
	c, ok := conn.(syscall.Conn)
	if !ok || poll.most == 0 {
		return conn
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return conn
	}
	return &polledConn{conn, raw, poll}
}

// SyscallConn implements syscall.Conn: the client looks whether a connection that was idle has been closed.
func (c *polledConn) SyscallConn() (syscall.RawConn, error) { return c.raw, nil }

// Read implements net.Conn.
func (c *polledConn) Read(p []byte) (int, error) {
	began := time.Now()
	n, err := c.look(p, began)
	if n == 0 && err == nil {
		n, err = c.Conn.Read(p)
	}
	if err == nil {
		c.poll.took(time.Since(began))
	}
	return n, err
}

// look reads what is there soon. 0 bytes: nothing was; or the end of the connection, or a failure of it, which an ordinary Read is
// to report.
func (c *polledConn) look(p []byte, began time.Time) (n int, err error) {
	if len(p) == 0 || !c.poll.begin() {
		return 0, nil
	}
	defer c.poll.end()
	try := func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), p)
		return true // what is not there is not waited for
	}
	for time.Since(began) < c.poll.most {
		if failed := c.raw.Read(try); failed != nil {
			return 0, failed // the deadline has passed, or the connection was closed
		}
		switch {
		case n > 0:
			return n, nil
		case !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR):
			return 0, nil
		}
		runtime.Gosched()
	}
	return 0, nil
}
