package spine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/spinetest"
	"github.com/necrostack/necrostack/supervision"
)

// line is one line of a JSON log.
type line map[string]any

func (l line) text() string  { s, _ := l["msg"].(string); return s }
func (l line) level() string { s, _ := l["level"].(string); return s }

// logged runs a ping to a pong, and a pong that fails for good, and returns the log.
func logged(t *testing.T, level slog.Level) (root actors.ID, lines []line, raw string) {
	t.Helper()
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level}))
	s, err := spine.New(spine.NewMemory(), spine.WithLogger(log), spine.WithPolicy(steady(supervision.Store)),
		spine.WithOrgan(actors.NewOrgan("a", actors.On(func(_ context.Context, ev actors.EventOf[text]) ([]actors.Payload, error) {
			return actors.Emit(pong{1}, deposit{"secret-free", 1}), nil
		}))),
		spine.WithOrgan(actors.NewOrgan("b", actors.Sink(func(context.Context, actors.EventOf[pong]) error { return errBad }))))
	require.NoError(t, err)
	root = actors.NewID()
	_, err = s.RunUntilIdle(t.Context(), actors.With(text{"confidential"}, root, actors.Key("k")))
	require.NoError(t, err)
	raw = out.String()
	for _, data := range strings.Split(strings.TrimSpace(raw), "\n") {
		var l line
		require.NoError(t, json.Unmarshal([]byte(data), &l))
		lines = append(lines, l)
	}
	return root, lines, raw
}

func TestEventsThatStayBehindInMemoryAreTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		s, err := spine.New(spine.NewMemory(), spine.WithLogger(slog.New(slog.NewTextHandler(&out, nil))),
			spine.WithOrgan(actors.NewOrgan("a", actors.Sink(func(context.Context, actors.EventOf[text]) error {
				cancel()
				return nil
			}))))
		require.NoError(t, err)
		_, err = s.Publish(t.Context(), text{"1"}, actors.With(text{"2"}, actors.After(time.Hour)))
		require.NoError(t, err)
		require.NoError(t, s.Run(ctx))
		assert.Contains(t, out.String(), `level=WARN msg="events are left in memory, and end with the process" service=main events=1`)
	})
}

func TestFiveLinesTellAnEventsLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		root, lines, raw := logged(t, slog.LevelDebug)
		var life []string
		byText := map[string]line{}
		for _, l := range lines {
			if l["event_id"] == root.String() {
				life = append(life, l.text())
				byText[l.text()] = l
				assert.Equal(t, "DEBUG", l.level())
				assert.Equal(t, "TEXT", l["event_type"])
				assert.Equal(t, root.String(), l["correlation_id"])
				assert.Equal(t, "k", l["key"])
			}
		}
		assert.Equal(t, []string{"Received", "Dispatched", "Completed", "Enqueued", "Acked"}, life)
		for _, text := range life[1:] {
			assert.Equal(t, "a", byText[text]["organ"], text)
		}
		assert.EqualValues(t, 1, byText["Dispatched"]["attempt"])
		assert.EqualValues(t, 1, byText["Completed"]["attempt"])
		assert.Contains(t, byText["Completed"], "duration")
		assert.Equal(t, []any{"PONG", "DEPOSIT"}, byText["Completed"]["emitted"])
		assert.Len(t, byText["Enqueued"]["ids"], 2)
		assert.NotContains(t, raw, "confidential", "payloads are not logged")
	})
}

func TestFailedAttemptsAreCompletedWithTheirReason(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, lines, _ := logged(t, slog.LevelDebug)
		var attempts []any
		for _, l := range lines {
			if l.text() == "Completed" && l["organ"] == "b" {
				attempts = append(attempts, l["attempt"])
				assert.Equal(t, "error", l["reason"])
			}
		}
		assert.Equal(t, []any{1.0, 2.0, 3.0}, attempts)
	})
}

func TestFailuresAreLoggedWithTheDecisionAndNothingElsePerEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, lines, raw := logged(t, slog.LevelInfo)
		var got []string
		for _, l := range lines {
			got = append(got, l.level()+" "+l.text())
		}
		assert.Equal(t, []string{
			"INFO spine started",
			"WARN no organ wants this event type",
			"WARN attempt failed, will retry",
			"WARN attempt failed, will retry",
			"ERROR event failed, dead-lettered",
			"INFO spine stopped",
		}, got)
		retry, dead := lines[2], lines[4]
		assert.Equal(t, "b", retry["organ"])
		assert.EqualValues(t, 1, retry["attempt"])
		assert.EqualValues(t, time.Second, retry["after"])
		assert.Equal(t, "bad", retry["error"])
		assert.Equal(t, "error", dead["reason"])
		assert.EqualValues(t, 3, dead["attempt"])
		assert.Equal(t, "PONG", dead["event_type"])
		assert.NotContains(t, raw, "confidential")
	})
}

func TestUnwantedEventsAreCountedAndToldOncePerType(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := spinetest.Start(t, spine.NewMemory(), spine.WithOrgan(sink("a", newDiary[ping]())))
		r.Publish(pong{1}, pong{2}, text{"x"}, pong{3})
		got := r.Settled(4)
		for _, x := range got {
			assert.Empty(t, x.Organ)
			assert.True(t, x.Acked)
			assert.Zero(t, x.Attempt)
		}
		assert.Equal(t, map[string]int{"PONG": 3, "TEXT": 1}, r.Stats().Unwanted)
		require.Len(t, r.Notes(), 2)
		assert.Equal(t, "PONG", r.Notes()[0].Event.Type())
		assert.Equal(t, "TEXT", r.Notes()[1].Event.Type())
	})
}

func TestReplayAndDropOfALetterAreNoWarning(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := spine.NewMemory()
		bad := actors.NewOrgan("bad", actors.Sink(func(context.Context, actors.EventOf[ping]) error { return errBad }))
		r := spinetest.Start(t, m, spine.WithPolicy(once(supervision.Store)), spine.WithOrgan(bad))
		r.Publish(ping{1}, ping{2})
		r.Idle()
		desk := supervision.NewDesk(m, "main")
		_, err := desk.Replay(t.Context(), letters(t, m)[0].ID, nil)
		require.NoError(t, err)
		_, err = desk.Drop(t.Context(), letters(t, m)[0].ID)
		require.NoError(t, err)
		r.Idle()
		assert.NotContains(t, kindsOf(r.Notes()), spine.NoteUnwanted)
		assert.Empty(t, r.Stats().Unwanted)
	})
}

func TestHooksSeeEverythingInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var told []string
		tell := func(what string) { told = append(told, what) }
		hooks := spine.Hooks{
			Started:   func() { tell("started") },
			Received:  func(ev actors.Event) { tell("received " + ev.Type()) },
			Completed: func(c spine.Completion) { tell("completed " + c.Event.Type() + " by " + c.Organ) },
			Settled:   func(x spine.Result) { tell("settled " + x.Event.Type() + " by " + x.Organ) },
			Acked:     func(ev actors.Event, _ []actors.Event) { tell("acked " + ev.Type()) },
			Dead:      func(d supervision.DeadLetter) { tell("dead " + d.Event.Type()) },
			Note:      func(n spine.Note) { tell(n.Kind.String()) },
		}
		s := quiet(t, spine.NewMemory(), spine.WithHooks(hooks), spine.WithHooks(spine.Hooks{}),
			spine.WithHooks(spine.Hooks{Dead: func(supervision.DeadLetter) { tell("dead, said twice") }}),
			spine.WithPolicy(once(supervision.Store)),
			spine.WithOrgan(failing("bad", func(context.Context, int) error { return errBad })))
		_, err := s.RunUntilIdle(t.Context(), ping{1})
		require.NoError(t, err)
		assert.Equal(t, []string{
			"started", "received PING", "completed PING by bad", "event failed, dead-lettered", "settled PING by bad",
			"dead PING", "dead, said twice", "acked PING",
		}, told)
	})
}

func TestOnFailedIsNoAttemptToTheHooks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		completed := 0
		r := spinetest.Start(t, spine.NewMemory(), spine.WithPolicy(once(supervision.Store)),
			spine.WithHooks(spine.Hooks{Completed: func(spine.Completion) { completed++ }}),
			spine.WithOrgan(actors.NewOrgan("bad",
				actors.Sink(func(context.Context, actors.EventOf[ping]) error { return errBad }),
				actors.OnFailed(func(_ actors.EventOf[ping], f actors.Failure) []actors.Payload { return gaveUpOn(f) }))))
		r.Publish(ping{1})
		got := r.Settled(1)[0]
		assert.Equal(t, 1, completed)
		require.NotNil(t, got.Failure)
		assert.Equal(t, 1, got.Attempt)
		require.Len(t, got.Emitted, 1, "what OnFailed has emitted")
		assert.Equal(t, "GAVE_UP", got.Emitted[0].Type())
	})
}

func TestStatsAddUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := quiet(t, spine.NewMemory(), spine.WithPolicy(steady(supervision.Log)),
			spine.WithOrgan(failing("a", func(_ context.Context, n int) error {
				time.Sleep(time.Millisecond)
				if n == 3 {
					return actors.Permanent(errBad)
				}
				return nil
			})), spine.WithOrgan(sink("b", newDiary[ping]())))
		n, err := s.RunUntilIdle(t.Context(), repeat(10, func(i int) actors.Payload { return ping{i} })...)
		require.NoError(t, err)
		assert.Equal(t, 10, n.Received)
		assert.Equal(t, 20, n.Processed)
		assert.Equal(t, 10, n.Acked)
		assert.Zero(t, n.DeadLetters+n.Retries+n.InFlight+n.InFlightBytes+n.Delayed+n.BackendErrors)
		a := n.Organs["a"]
		assert.Equal(t, 9, a.Handled)
		assert.Equal(t, 1, a.Logged)
		assert.Equal(t, map[string]int{"permanent": 1}, a.Failures)
		assert.Equal(t, "closed", a.Breaker)
		assert.GreaterOrEqual(t, a.Latency.Max, time.Millisecond)
		assert.LessOrEqual(t, a.Latency.P50, a.Latency.P99)
		assert.Equal(t, 10, n.Organs["b"].Handled)
		assert.Equal(t, n, s.Stats(), "the last run's numbers stay")
	})
}

func TestCheckingModeFailsAHandlerThatChangesItsPayload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := newDiary[string]()
		m := spine.NewMemory()
		r := spinetest.Start(t, m,
			spine.WithOrgan(actors.NewOrgan("vandal", actors.Sink(func(_ context.Context, ev actors.EventOf[*note]) error {
				ev.Payload.Words[0] = "changed"
				return nil
			}))),
			spine.WithOrgan(actors.NewOrgan("reader", actors.Sink(func(_ context.Context, ev actors.EventOf[*note]) error {
				seen.add(ev.Payload.Words[0])
				return nil
			}))))
		r.Publish(&note{[]string{"original"}})
		r.Idle()
		assert.Equal(t, []string{"original"}, seen.entries())
		require.Len(t, letters(t, m), 1)
		assert.Equal(t, "vandal", letters(t, m)[0].Organ)
		assert.Contains(t, letters(t, m)[0].Error, actors.ErrMutated.Error())
	})
}

type note struct{ Words []string }

func (*note) EventType() string { return "NOTE" }
