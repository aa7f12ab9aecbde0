package spine

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/actors/host"
	"github.com/necrostack/necrostack/supervision"
)

var update = flag.Bool("update", false, "rewrite the conversations")

// TestConversations replays testdata/*.txt: what the core is told (lines that begin with ">"), and
// below each what it then wants done. They are meant to be read; see talk for the commands.
func TestConversations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			script, err := os.ReadFile(file)
			require.NoError(t, err)
			var got string
			synctest.Test(t, func(t *testing.T) { got = newTalk(t).replay(string(script)) })
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(script), got, "go test ./spine -run TestConversations -update rewrites it")
		})
	}
}

// talk is a core, and somebody who plays its lanes and its backend from a script:
//
//	organ NAME TYPE [ordered] [attempts=N] [failures=N] [log|nack] [onfailed]
//	begin [events=N]                       after the last organ
//	arrive N TYPE [key=K] [attempts=N], …  deliveries; N is the position in the stream, none ends a pull
//	finish ORGAN OUTCOME …                 ok, error, permanent, panic, undone, held or interrupted, per item
//	answer [lost|full]                     the oldest chunk; without a word everything is settled
//	ready ORGAN, pause ORGAN, resume ORGAN, wait DURATION, drain
type talk struct {
	t       *testing.T
	service Service
	organs  []*organ
	c       *core
	stamper *actors.Stamper
	handout uint64
	number  map[actors.ID]int
	running map[string]*host.Batch
	chunks  []*chunk
	out     strings.Builder
}

func newTalk(t *testing.T) *talk {
	return &talk{
		t: t, service: Service{Name: "talk"}, stamper: actors.NewStamper(actors.StamperOptions{Service: "talk"}),
		number: map[actors.ID]int{}, running: map[string]*host.Batch{},
	}
}

func (k *talk) replay(script string) string {
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		command, is := strings.CutPrefix(line, "> ")
		if is || line == "" || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&k.out, line)
		}
		if is {
			verb, rest, _ := strings.Cut(command, " ")
			k.do(verb, rest)
		}
	}
	return k.out.String()
}

func (k *talk) do(verb, rest string) {
	words := strings.Fields(rest)
	switch verb {
	case "organ":
		k.organ(words)
	case "begin":
		k.begin(words)
	case "arrive":
		ds := k.deliveries(rest)
		k.step(func(now time.Time) { k.c.arrived(now, ds, nil) })
	case "finish":
		k.finish(words[0], words[1:])
	case "answer":
		k.answer(rest)
	case "ready":
		k.step(func(now time.Time) { k.c.laneReady(now, k.organNamed(words[0]).lanes[0]) })
	case "pause", "resume":
		k.step(func(now time.Time) { k.c.pause(now, k.organNamed(words[0]), verb == "pause") })
	case "wait":
		d, err := time.ParseDuration(rest)
		require.NoError(k.t, err)
		time.Sleep(d)
		k.step(k.c.tick)
	case "drain":
		k.step(k.c.drain)
	default:
		require.Fail(k.t, "no such command", "%s %s", verb, rest)
	}
}

func (k *talk) organ(words []string) {
	flags := flagsOf(words[2:])
	p := supervision.Policy{
		Retry:     supervision.Retry{Attempts: flags.number("attempts", 3), Backoff: supervision.Exponential(time.Second, time.Minute)},
		Breaker:   supervision.BreakerPolicy{Failures: flags.number("failures", 0), Open: 10 * time.Second},
		Exhausted: supervision.Store,
	}
	if flags.has("log") {
		p.Exhausted = supervision.Log
	}
	if flags.has("nack") {
		p.Exhausted = supervision.Nack
	}
	k.service.Organs = append(k.service.Organs, OrganSpec{Name: words[0], Types: words[1:2], Ordered: flags.has("ordered")})
	k.organs = append(k.organs, organWith(words[0], p, flags.has("ordered"), flags.has("onfailed")))
}

// organWith makes an organ of one lane as the core sees it.
func organWith(name string, p supervision.Policy, ordered, onFailed bool) *organ {
	p = p.WithDefaults()
	o := newOrgan(OrganSpec{Name: name, Ordered: ordered}, p)
	o.wantsFailed = func(string) bool { return onFailed }
	o.add(nil)
	return o
}

// coreWith makes a core of these organs.
func coreWith(s Service, maxEvents int, organs ...*organ) *core {
	c := newCore(coreConfig{
		service: s.Name, maxEvents: maxEvents, maxBytes: 1 << 20, maxBatch: 16, maxQuick: quickTurns, maxHops: 8, maxAsks: 4, abandoned: 32,
	}, s, func() float64 { return 0.5 })
	c.enlist(organs)
	return c
}

func (k *talk) begin(words []string) {
	k.c = coreWith(k.service, flagsOf(words).number("events", 64), k.organs...)
	k.step(k.c.tick)
}

func (k *talk) organNamed(name string) *organ {
	i, ok := k.c.route.byName[name]
	require.True(k.t, ok, "organ %s", name)
	return k.organs[i]
}

func (k *talk) deliveries(list string) []Delivery {
	var ds []Delivery
	if list == "" {
		return nil
	}
	for one := range strings.SplitSeq(list, ",") {
		words := strings.Fields(one)
		n, err := strconv.Atoi(words[0])
		require.NoError(k.t, err)
		flags := flagsOf(words[2:])
		p := actors.With(talkEvent(words[1]), actors.ID{0: byte(n), 15: 1})
		if key := flags["key"]; key != "" {
			p = actors.With(p, actors.Key(key))
		}
		ev, err := k.stamper.Root(p, time.Now())
		require.NoError(k.t, err)
		k.number[ev.ID()] = n
		k.handout++
		d := Delivery{Event: ev, Receipt: Receipt{A: uint64(n), B: k.handout}, Position: Position{Lo: uint64(n)}, Handout: k.handout}
		if to := flags["to"]; to != "" {
			d.Todo = []Todo{{Organ: int(k.organNamed(to).index), Attempts: flags.number("attempts", 0)}}
		}
		ds = append(ds, d)
	}
	return ds
}

// talkEvent is a payload that has a type and nothing else.
type talkEvent string

func (e talkEvent) EventType() string { return string(e) }

// MarshalJSON makes it an object, as payloads have to be.
func (talkEvent) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }

// flags are words of a command, with and without a value.
type flags map[string]string

func flagsOf(words []string) flags {
	f := flags{}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		f[name] = value
	}
	return f
}

func (f flags) has(name string) bool { _, ok := f[name]; return ok }

func (f flags) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(f[name]); err == nil {
		return n
	}
	return otherwise
}

var errTalk = errors.New("as the script says")

func (k *talk) finish(name string, outcomes []string) {
	b := k.running[name]
	require.NotNil(k.t, b, "%s has no batch", name)
	require.Len(k.t, outcomes, len(b.Items), "outcomes of %s", name)
	delete(k.running, name)
	for _, word := range outcomes {
		b.Outcomes = append(b.Outcomes, k.outcome(name, word))
		b.Down = b.Down || word == "panic"
	}
	b.Started, b.Ended = time.Now(), time.Now()
	k.step(func(now time.Time) { k.c.finished(now, k.organNamed(name).lanes[0], b) })
}

func (k *talk) outcome(name, word string) host.Outcome {
	failed := func(kind actors.Kind) host.Outcome {
		f := actors.Failure{Organ: name, Kind: kind, Err: errTalk, First: time.Now(), Last: time.Now()}
		return host.Outcome{Code: host.Failed, Failure: &f}
	}
	switch word {
	case "ok":
		return host.Outcome{}
	case "error":
		return failed(actors.KindError)
	case "permanent":
		return failed(actors.KindPermanent)
	case "panic":
		return failed(actors.KindPanic)
	case "undone":
		return host.Outcome{Code: host.Undone}
	case "held":
		return host.Outcome{Code: host.Held}
	case "interrupted":
		return host.Outcome{Code: host.Interrupted}
	}
	require.Fail(k.t, "no such outcome", word)
	return host.Outcome{}
}

func (k *talk) answer(word string) {
	code, ok := map[string]AnswerCode{"": Settled, "lost": Lost, "full": LettersFull}[word]
	require.True(k.t, ok, "answer %s", word)
	require.NotEmpty(k.t, k.chunks, "nothing to answer")
	ch := k.chunks[0]
	k.chunks = k.chunks[1:]
	answers := make([]Answer, len(ch.ss))
	for i := range answers {
		answers[i] = Answer{Code: code, Handouts: k.handout}
	}
	k.step(func(now time.Time) { k.c.settled(now, ch, answers, nil) })
}
