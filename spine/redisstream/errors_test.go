package redisstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
)

// answer is an error that the server has sent.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestErrorsSayWhatBecameOfTheRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want class
	}{
		{nil, classNone},
		{redis.ErrClosed, classClosed},

		{answer("LOADING Redis is loading the dataset in memory"), classRefused},
		{answer("MASTERDOWN Link with MASTER is down"), classRefused},
		{answer("READONLY You can't write against a read only replica."), classRefused},
		{answer("NOREPLICAS Not enough good replicas to write."), classRefused},
		{answer("CLUSTERDOWN Hash slot not served"), classRefused},
		{answer("TRYAGAIN Multiple keys request during rehashing of slot"), classRefused},
		{answer("MISCONF Errors writing to the AOF file: No space left on device"), classRefused},
		{answer("OOM command not allowed when used memory > 'maxmemory'."), classRefused},
		{answer("BUSY Redis is busy running a script."), classRefused},
		{answer("NOAUTH Authentication required."), classRefused},
		{answer("WRONGPASS invalid username-password pair or user is disabled."), classRefused},
		{answer("ERR max number of clients reached"), classRefused},
		{answer("EXECABORT Transaction discarded because of previous errors."), classRefused},
		{notSent(io.EOF), classRefused},
		{notSent(context.DeadlineExceeded), classRefused},

		{answer("BUSYGROUP Consumer Group name already exists"), classAnswered},
		{answer("WRONGTYPE Operation against a key holding the wrong kind of value"), classAnswered},
		{answer("NOGROUP No such key"), classAnswered},
		{answer("NOSCRIPT No matching script. Please use EVAL."), classAnswered},
		{answer("NOPERM this user has no permissions to run the 'xadd' command"), classAnswered},
		{answer("ERR user_script:1: LOADING is no table script: f"), classAnswered},
		{redis.Nil, classAnswered},

		{io.EOF, classUnknown},
		{io.ErrUnexpectedEOF, classUnknown},
		{syscall.ECONNRESET, classUnknown},
		{syscall.ECONNREFUSED, classUnknown}, // of a connection that was once made
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, classUnknown},
		{context.Canceled, classUnknown},
		{context.DeadlineExceeded, classUnknown},
		{redis.ErrPoolTimeout, classUnknown},
		{net.ErrClosed, classUnknown},
		{errors.New("LOADING is not the server's word here"), classUnknown},
	} {
		assert.Equal(t, c.want.String(), classOf(c.err).String(), "%v", c.err)
		if c.err != nil {
			assert.Equal(t, c.want.String(), classOf(fmt.Errorf("commit: %w", c.err)).String(), "wrapped: %v", c.err)
		}
	}
}
