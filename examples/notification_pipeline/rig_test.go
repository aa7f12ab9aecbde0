package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// rig is a pipeline on local gateways, with waits that are short enough for tests.
type rig struct {
	*pipeline
	local *local
	log   *lines
	audit *bytes.Buffer
	work  *bytes.Buffer // the event log
}

// build starts the gateways. change, when not nil, has the last word on the parts.
func build(t *testing.T, o localOptions, change func(*parts)) *rig {
	t.Helper()
	r := &rig{log: &lines{}, audit: &bytes.Buffer{}, work: &bytes.Buffer{}}
	var err error
	r.local, err = startLocal(o, channels...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.local.close()) })
	find, err := openContacts("")
	require.NoError(t, err)
	p := parts{
		contacts: find, audit: newAuditLog(r.audit), events: r.work, log: slog.New(r.log),
		policies: hasty(), workers: 8, requests: 100,
		backend: spine.NewMemory(spine.WithLetterLimit(100)), service: service,
		more: []spine.Option{spine.WithChecking()}, // as behind a durable backend
	}
	p.mail, err = parseMailServer("smtp://"+r.local.smtp.address(), "notifications@example.com")
	require.NoError(t, err)
	p.sms, err = newGateway(r.local.sms.url(), 1)
	require.NoError(t, err)
	p.push, err = newGateway(r.local.push.url(), 8)
	require.NoError(t, err)
	if change != nil {
		change(&p)
	}
	t.Cleanup(func() { require.NoError(t, p.sms.close()) })
	t.Cleanup(func() { require.NoError(t, p.push.close()) })
	r.pipeline, err = newPipeline(p)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.pipeline.close()) })
	return r
}

// hasty are the built-in policies with waits of 2, 6 and 18 ms.
func hasty() supervision.Policies {
	ps := builtinPolicies()
	for name, p := range ps.Organs {
		p.Retry.Backoff.Base = 2 * time.Millisecond
		ps.Organs[name] = p
	}
	return ps
}

// run sends requests and waits for the end.
func (r *rig) run(t *testing.T, requests ...actors.Payload) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	_, err := r.spine.RunUntilIdle(ctx, requests...)
	require.NoError(t, err)
}

// dead returns the dead letters.
func (r *rig) dead(t *testing.T) []supervision.DeadLetter {
	t.Helper()
	all, err := r.pipeline.letters(t.Context())
	require.NoError(t, err)
	return all
}

// rows returns the audit log.
func (r *rig) rows(t *testing.T) []auditRow {
	t.Helper()
	return decodeLines[auditRow](t, r.audit.Bytes())
}

// eventLine is an event as the event log has it.
type eventLine struct {
	ID          string          `json:"id"`
	Timestamp   time.Time       `json:"timestamp"`
	Type        string          `json:"event_type"`
	Payload     json.RawMessage `json:"payload"`
	Key         *string         `json:"key"`
	Correlation string          `json:"correlation_id"`
	Causation   *string         `json:"causation_id"`
	Hops        int             `json:"hops"`
}

func (r *rig) settled(t *testing.T, typ string) []eventLine {
	t.Helper()
	var found []eventLine
	for _, ev := range decodeLines[eventLine](t, r.work.Bytes()) {
		if ev.Type == typ {
			found = append(found, ev)
		}
	}
	return found
}

// decodeLines reads JSON lines strictly.
func decodeLines[T any](t *testing.T, data []byte) []T {
	t.Helper()
	var all []T
	for line := range bytes.Lines(data) {
		var one T
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&one), "%s", line)
		all = append(all, one)
	}
	return all
}

func decodePayload[P actors.Payload](t *testing.T, line eventLine) P {
	t.Helper()
	var p P
	require.NoError(t, json.Unmarshal(line.Payload, &p))
	require.Equal(t, p.EventType(), line.Type)
	return p
}

func ask(user string, text string, wanted ...string) NotificationRequested {
	return NotificationRequested{Recipient{user}, wanted, text, "normal"}
}

// lines is a log that keeps its records.
type lines struct {
	mu  sync.Mutex
	all []slog.Record
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r.Clone())
	return nil
}

// values returns an attribute of every record with this text.
func (l *lines) values(text, attr string) (found []slog.Value) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.all {
		if r.Message != text {
			continue
		}
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == attr {
				found = append(found, a.Value)
			}
			return true
		})
	}
	return found
}
