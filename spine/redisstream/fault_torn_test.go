package redisstream

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

// loggedText is a log that many may write.
type loggedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *loggedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *loggedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestAServerThatStartsAgainAndMayExecuteHalfATransactionIsWarnedOf(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"yes": 1, "no": 0} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			server, log := redistest.Start(t, redistest.AOF("always"), redistest.Conf(loadTruncated, value)), &loggedText{}
			p := newPlant(t, server, WithLogger(slog.New(slog.NewTextHandler(log, nil))))
			w := p.work(server.URL(), p.organs())
			assert.Equal(t, want, strings.Count(log.String(), loadTruncated+` is`), "at the start")
			assert.NotContains(t, log.String(), "BGREWRITEAOF now")
			for again := 1; again <= 2; again++ {
				fall(t, server)
				w.orders(20)
				w.idle()
				assert.Equal(t, again, strings.Count(log.String(), "the server has started again; all"))
				assert.Equal(t, again*want, strings.Count(log.String(), "BGREWRITEAOF now"), "once for each start, however many connections")
			}
			w.check()
		})
	}
}

func TestNothingMoreIsSaidOfATornFileToWhoMayNotAskForSettings(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t, redistest.AOF("always"), redistest.Conf("user", "necro", "on", ">S3NTINEL", "~*", "&*", "+@all", "-config")), &loggedText{}
	p := newPlant(t, server, WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	w := p.work("redis://necro:S3NTINEL@"+server.Addr(), p.organs())
	fall(t, server)
	w.orders(20)
	w.check()
	assert.Contains(t, log.String(), "the server has started again; all")
	assert.NotContains(t, log.String(), loadTruncated)
}

// A power failure cuts the file within the transaction of a commit. The server takes the rest of it for the beginning of the next
// transaction: without the rewrite it does half of the commit when it starts for the second time.
func TestACommitTornInTheFileStaysUndoneWhereTheFileIsRewritten(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.AOF("always"))
	y := newYardOn(t, server)
	a := y.node("a", loose("mail"))
	a.publish("k", "1")
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(a.pull(1, "1")[0], "k", "2")))
	require.Equal(t, 2, y.length())
	server.Kill()
	file, err := os.ReadFile(server.AOFPath())
	require.NoError(t, err)
	last := bytes.LastIndex(file, []byte("\r\nHSET\r\n")) // the number of the commit, which it writes last
	require.Positive(t, last)
	require.NoError(t, os.Truncate(server.AOFPath(), int64(last)))
	server.Restart()
	_ = server.Client().Ping(y.soon()).Err() // that to the server before is found to be closed
	require.Equal(t, 1, y.length(), "the commit is undone")
	rewrite(t, server, true)
	a.idle()
	require.Equal(t, []spine.AnswerCode{spine.Settled}, a.settle(a.emits(y.next(a), "k", "2")))
	require.Equal(t, 2, y.length(), "and done again")
	fall(t, server)
	assert.Equal(t, 2, y.length())
}
