package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Main(m)) }

// console is a store with a service "svc" that has finished one of three events of one key, in 2 shards, and a way to ask about it.
type console struct {
	*testing.T
	server *redistest.Server
	ns     string
	store  *redisstream.Backend
}

func newConsole(t *testing.T) *console {
	c := &console{T: t, server: redistest.SharedServer(t), ns: redistest.Namespace(t)}
	b, err := redisstream.New(c.server.URL(), redisstream.WithNamespace(c.ns), redisstream.WithShards(2), redisstream.WithNode("desk-1"),
		redisstream.WithRelaxedDurability(), redisstream.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	c.store = b
	t.Cleanup(c.close)
	require.NoError(t, b.Open(t.Context(), spine.Service{Name: "svc", Organs: []spine.OrganSpec{{Name: "a", Types: []string{"NOTE"}}}}))
	st := actors.NewStamper(actors.StamperOptions{Service: "test"})
	var evs []actors.Event
	for range 3 {
		ev, err := st.Root(actors.With(actors.Raw{Type: "NOTE", Data: []byte(`{}`)}, actors.Key("k")), time.Now())
		require.NoError(t, err)
		evs = append(evs, ev)
	}
	_, err = b.Publish(t.Context(), evs)
	require.NoError(t, err)
	ds, err := b.Pull(t.Context(), spine.Want{Events: 1, Bytes: 1 << 20})
	require.NoError(t, err)
	_, err = b.Settle(t.Context(), []spine.Settlement{{Receipt: ds[0].Receipt, Shard: ds[0].Shard}})
	require.NoError(t, err)
	return c
}

func (c *console) close() {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	require.NoError(c, c.store.Close(ctx))
}

func nothing(string) string { return "" }

// ask runs the command on the store.
func (c *console) ask(words ...string) (code int, out, errs string) {
	return ask(c.T, append([]string{"--redis", c.server.URL(), "--namespace", c.ns}, words...)...)
}

func ask(t *testing.T, words ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(t.Context(), words, nothing, &o, &e)
	return code, o.String(), e.String()
}

// rows are the lines of a table, with one blank between two words.
func rows(out string) []string {
	var all []string
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		all = append(all, strings.Join(strings.Fields(line), " "))
	}
	return all
}

func TestListingsTellWhatIsThere(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	code, out, errs := c.ask("health")
	assert.Equal(t, exitOK, code, errs)
	assert.Contains(t, rows(out), "ready true")
	assert.Contains(t, rows(out), "events accepted 3")

	code, out, errs = c.ask("services")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "SERVICE FINISHED BACKLOG PENDING DEFERRED OLDEST LETTERS", rows(out)[0])
	assert.Regexp(t, `^svc 1 2 0 0 - 0$`, rows(out)[1])

	code, out, errs = c.ask("shards", "svc")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "SHARD OWNER EPOCH BACKLOG PENDING DEFERRED OLDEST CELLS SHARE RATE/S", rows(out)[0])
	assert.Regexp(t, `desk-1 1 2 0 0 \S+ 0 100% -`, oneText(out))
	assert.Regexp(t, `desk-1 1 0 0 0 - 0 0% -`, oneText(out))

	code, out, errs = c.ask("nodes", "svc", "--json")
	assert.Equal(t, exitOK, code, errs)
	var lines []nodeLine
	require.NoError(t, json.Unmarshal([]byte(out), &lines))
	assert.Equal(t, []nodeLine{{ID: "desk-1", Shards: []int{0, 1}}}, lines, "it is no member of a cluster")
	_, _, err := c.store.Enter(t.Context(), "svc", "desk-1/00000000000000aa", `{"beat":1,"weight":2,"plan":3,"organs":["a"]}`)
	require.NoError(t, err)
	code, out, errs = c.ask("nodes", "svc")
	assert.Equal(t, exitOK, code, errs)
	assert.Equal(t, "desk-1/00000000000000aa true 2 false 3 0 1 a", rows(out)[1])

	code, _, errs = c.ask("shards", "none")
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "necro: there is no service \"none\", the store has [\"svc\"]\n", errs)

	code, _, errs = c.ask("health", "--namespace", c.ns+"-none")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "; --namespace names another")
}

// oneText is a table with one blank between two words.
func oneText(out string) string { return strings.Join(rows(out), "\n") }

func TestWatchTellsTheRate(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() { // ends with stop
		ended <- run(ctx, []string{"--redis", c.server.URL(), "--namespace", c.ns, "shards", "svc", "--watch", "20ms", "--json"}, nothing, write, io.Discard)
		write.Close()
	}()
	looks := json.NewDecoder(read)
	var first, second []shardLine
	require.NoError(t, looks.Decode(&first))
	require.NoError(t, looks.Decode(&second))
	assert.Nil(t, first[0].Rate)
	require.NotNil(t, second[0].Rate)
	assert.Zero(t, *second[0].Rate)
	stop()
	_, _ = io.Copy(io.Discard, read)
	assert.Equal(t, exitOK, <-ended)
}

func TestPinsAreAgreedOn(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	code, out, errs := c.ask("pin", "svc", "1", "desk-2")
	require.Equal(t, exitOK, code, errs)
	assert.Equal(t, "shard 1 is pinned to desk-2\n", out)
	_, agreed, err := c.store.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.Contains(t, agreed["pins"], `"1":"desk-2"`)
	code, _, errs = c.ask("move", "svc", "2", "desk-2")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, "shard 2")
	code, out, errs = c.ask("--json", "unpin", "svc", "1")
	require.Equal(t, exitOK, code, errs)
	assert.JSONEq(t, `{"unpinned":1}`, out)
	_, agreed, err = c.store.Beat(t.Context(), "svc", "", "")
	require.NoError(t, err)
	assert.NotContains(t, agreed["pins"], "desk-2")
}

func TestReshardNeedsTheServicesToRest(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	code, _, errs := c.ask("reshard", "5", "--timeout", "300ms")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs, `service "svc": redisstream: the service is being served by desk-1`)
	c.close()
	code, out, errs := c.ask("reshard", "5")
	require.Equal(t, exitOK, code, errs)
	assert.Regexp(t, regexp.MustCompile(`^from 2 to 5 shards: \d+ entries, 0 delayed events, 0 cells, 0 published ids; .* WithShards\(5\)\.\n$`), out)
	code, out, errs = c.ask("services", "--json")
	require.Equal(t, exitOK, code, errs)
	var lines []serviceLine
	require.NoError(t, json.Unmarshal([]byte(out), &lines))
	assert.EqualValues(t, []int64{1, 2}, []int64{lines[0].Finished, lines[0].Backlog})
}

func TestMistakesNameTheFlag(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words []string
		says  string
	}{
		{[]string{}, "a command is missing"},
		{[]string{"--redis", "x", "fly"}, `unknown command "fly"`},
		{[]string{"health"}, "--redis is missing, and $NECRO_REDIS empty"},
		{[]string{"--redis", "x", "shards"}, "shards takes SERVICE"},
		{[]string{"--redis", "x", "health", "more"}, "health takes nothing more"},
		{[]string{"--redis", "x", "pin", "svc", "one", "n"}, `pin: SHARD is "one"`},
		{[]string{"--redis", "x", "reshard", "many"}, `reshard: N is "many"`},
		{[]string{"--redis", "x", "health", "--timeout", "-1s"}, "--timeout is -1s"},
		{[]string{"--redis", "x", "health", "--watch", "1s"}, "--watch 1s is for shards"},
		{[]string{"--speed", "health"}, "-speed"},
	} {
		code, out, errs := ask(t, c.words...)
		assert.Equal(t, exitUsage, code, c.words)
		assert.Contains(t, errs, c.says, c.words)
		assert.Empty(t, out)
	}
	code, out, _ := ask(t, "--help")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "reshard N")
}

func TestPasswordIsNotPrinted(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"redis://:hunter2@127.0.0.1:1/0", "redis://:hunter2@%zz", "hunter2"} {
		code, out, errs := ask(t, "--redis", address, "health", "--timeout", "2s")
		assert.Equal(t, exitFailed, code)
		assert.NotEmpty(t, errs)
		assert.NotContains(t, out+errs, "hunter2")
	}
}
