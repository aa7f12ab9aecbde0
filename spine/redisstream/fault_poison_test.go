package redisstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream/redistest"
	"github.com/necrostack/necrostack/supervision"
)

// poison is bad for the organ of its name, and for no other.
type poison struct {
	For string `json:"for"`
}

func (poison) EventType() string { return "POISON" }
func (poison) EventKey() string  { return "all" }

// tasted is what an organ that has survived a poison emits.
type tasted struct {
	By  string `json:"by"`
	For string `json:"for"`
}

func (tasted) EventType() string { return "TASTED" }
func (tasted) EventKey() string  { return "all" }

// poisons say what an event does to the organ of its name.
var poisons = map[string]func() error{
	"fails":   func() error { return errors.New("it fails") },
	"refuses": func() error { return actors.Permanent(errors.New("it refuses")) },
	"panics":  func() error { panic("it panics") },
	"exits":   func() error { os.Exit(exitCode); return nil },
	"starves": func() error { starving = make([]byte, tooMuch); return nil },
}

var (
	starving []byte
	tooMuch  = uint64(1)<<48 - 1 // more than there are addresses for
)

const (
	exitCode  = 77
	fatalCode = 2 // of a process that the runtime ends
)

// tasters are the organs of poisons, and one that counts what they emit.
func tasters() []spine.Option {
	opts := []spine.Option{spine.WithPolicy(supervision.Policy{Exhausted: supervision.Store, Retry: supervision.Retry{
		Attempts: 2, Backoff: supervision.Backoff{Base: time.Millisecond, Max: time.Millisecond, Factor: 1},
	}})}
	for name, harm := range poisons {
		opts = append(opts, spine.WithOrgan(actors.NewOrgan(name, actors.On(
			func(_ context.Context, ev actors.EventOf[poison]) ([]actors.Payload, error) {
				if ev.Payload.For != name {
					return actors.Emit(tasted{name, ev.Payload.For}), nil
				}
				return nil, harm()
			}))))
	}
	return append(opts, spine.WithOrgan(actors.NewKeyed("counts", func(string) *map[string]int { return &map[string]int{} },
		actors.Answer(func(s *map[string]int, _ which) (map[string]int, error) { return *s, nil }),
		actors.Step(func(s *map[string]int, ev actors.EventOf[tasted]) ([]actors.Payload, error) {
			(*s)[ev.Payload.By+" survives "+ev.Payload.For]++
			return nil, nil
		}))))
}

// victimVariable holds the store of a process that is there to be killed by what it handles.
const victimVariable = "NECROSTACK_VICTIM"

type victim struct{ URL, Namespace string }

// An event that is bad for an organ is that organ's dead letter, once, also where nobody is left to say so. The test runs itself
// again and again to die of it.
func TestPoisonOfEveryKindIsOneDeadLetterOfItsOrgan(t *testing.T) {
	if text, found := os.LookupEnv(victimVariable); found {
		var v victim
		require.NoError(t, json.Unmarshal([]byte(text), &v))
		w := newPlant(t, nil, WithNamespace(v.Namespace), WithLease(100*time.Millisecond)).work(v.URL, tasters())
		_, _ = io.Copy(io.Discard, os.Stdin)
		w.halt()
		return
	}
	t.Parallel()
	for deadly, c := range map[string]struct {
		code int
		says string
	}{"exits": {exitCode, ""}, "starves": {fatalCode, "fatal error: "}} {
		t.Run(deadly, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, redistest.SharedServer(t))
			for _, name := range []string{"fails", deadly, "refuses", "panics"} {
				p.publishAhead(poison{name})
			}
			deaths := 0
			for {
				code, said := p.life()
				if code == 0 {
					break
				}
				require.Equal(t, c.code, code, said)
				require.Contains(t, said, c.says)
				deaths++
				require.Less(t, deaths, 20)
			}
			t.Log(deaths, "deaths")
			assert.GreaterOrEqual(t, deaths, 3)
			p.expectTasted(map[string]actors.Kind{
				"fails": actors.KindError, "refuses": actors.KindPermanent, "panics": actors.KindPanic, deadly: actors.KindCrash,
			})
		})
	}
}

// publishAhead publishes before there is a service.
func (p *plant) publishAhead(payload actors.Payload) {
	p.Helper()
	b, err := New(p.server.URL(), p.opts...)
	require.NoError(p, err)
	ev, err := actors.NewStamper(actors.StamperOptions{Service: "test"}).Root(payload, time.Now())
	require.NoError(p, err)
	answers, err := b.Publish(p.soon(), []actors.Event{ev})
	require.NoError(p, err)
	require.Equal(p, []spine.Published{{}}, answers)
	require.NoError(p, b.Close(p.soon()))
}

// life is a process from its beginning to its end, by what it handles or, with code 0, when nothing is left to be done.
func (p *plant) life() (code int, said string) {
	p.Helper()
	orders, err := json.Marshal(victim{p.server.URL(), p.ns})
	require.NoError(p, err)
	var out bytes.Buffer
	cmd := exec.CommandContext(p.soon(), os.Args[0], "-test.run=^TestPoisonOfEveryKindIsOneDeadLetterOfItsOrgan$")
	cmd.Env = append(os.Environ(), victimVariable+"="+string(orders))
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin, err := cmd.StdinPipe()
	require.NoError(p, err)
	require.NoError(p, cmd.Start())
	ended := make(chan struct{})
	go func() { // ends with the process
		defer close(ended)
		_ = cmd.Wait() // its code tells
	}()
	for !p.drained() {
		select {
		case <-ended:
			return cmd.ProcessState.ExitCode(), out.String()
		case <-time.After(5 * time.Millisecond):
		}
	}
	require.NoError(p, stdin.Close())
	<-ended
	require.Zero(p, cmd.ProcessState.ExitCode(), out.String())
	return 0, out.String()
}

// drained asks the store whether all that was accepted is finished.
func (p *plant) drained() bool {
	p.Helper()
	load, err := p.server.Client().HMGet(p.soon(), keyring{p.ns}.load(), "in", "a:svc").Result()
	require.NoError(p, err)
	return load[0] == load[1]
}

// expectTasted requires one dead letter for each organ here, with its reason, and that all organs survived, once, what was
// not for them.
func (p *plant) expectTasted(want map[string]actors.Kind) {
	p.Helper()
	w := p.work(p.server.URL(), tasters())
	page, err := w.backend.Letters(p.soon(), supervision.Filter{}, "", 100)
	require.NoError(p, err)
	got, survived := map[string]actors.Kind{}, map[string]int{}
	for _, l := range page.Letters {
		got[l.Organ] = l.Reason
		payload, err := actors.Decode[poison](l.Event)
		require.NoError(p, err)
		assert.Equal(p, l.Organ, payload.For)
	}
	assert.Equal(p, want, got)
	for of := range want {
		for by := range poisons {
			if by != of {
				survived[by+" survives "+of] = 1
			}
		}
	}
	counted, err := spine.Ask[map[string]int](p.soon(), w, "counts", "all", which{})
	require.NoError(p, err)
	assert.Equal(p, survived, counted)
	p.clean(len(want))
}
