package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/necrostack/necrostack/actors"
)

func newEvent(t *testing.T, p actors.Payload) actors.Event {
	t.Helper()
	ev, err := actors.NewStamper(actors.StamperOptions{Service: service}).Root(p, time.Now())
	require.NoError(t, err)
	return ev
}

func TestAuditLogHasOneRowPerEvent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := newAuditLog(&out)
	ev := newEvent(t, SMSDelivered{})
	for range 3 {
		require.NoError(t, log.write(ev, auditRow{Channel: sms, Status: statusDelivered, UserID: "alice"}))
	}
	rows := decodeLines[auditRow](t, out.Bytes())
	require.Len(t, rows, 1)
	assert.Equal(t, auditRow{
		ID: ev.ID(), Request: ev.Correlation(), Time: ev.Time(), UserID: "alice", Channel: sms, Status: statusDelivered,
	}, rows[0])
}

func TestAuditFileKnowsItsRowsAfterARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	first, second := newEvent(t, SMSDelivered{}), newEvent(t, SMSDelivered{})
	log, err := openAuditLog(path)
	require.NoError(t, err)
	require.NoError(t, log.write(first, auditRow{UserID: "alice"}))
	require.NoError(t, log.close())

	// A crash has left half a line behind.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"id":"`)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	log, err = openAuditLog(path)
	require.NoError(t, err)
	require.NoError(t, log.write(first, auditRow{UserID: "alice"}))
	require.NoError(t, log.write(second, auditRow{UserID: "bob"}))
	assert.Equal(t, 1, log.count(), "the other one was there")
	require.NoError(t, log.close())

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	require.Len(t, lines, 3)
	assert.Contains(t, lines[0], first.ID().String())
	assert.Equal(t, `{"id":"`, lines[1], "what is broken is left alone")
	assert.Contains(t, lines[2], second.ID().String())
}

// full fails after so many bytes.
type full struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("disk is full")

func (f *full) Write(p []byte) (int, error) {
	if n := f.room - f.Len(); len(p) > n {
		_, _ = f.Buffer.Write(p[:max(n, 0)])
		return max(n, 0), errFull
	}
	return f.Buffer.Write(p)
}

func TestAuditRowThatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	out := &full{room: 10}
	log := newAuditLog(out)
	ev := newEvent(t, SMSDelivered{})
	require.ErrorIs(t, log.write(ev, auditRow{}), errFull)
	assert.Zero(t, log.count())
	out.room = 1 << 20
	require.NoError(t, log.write(ev, auditRow{}))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	assert.Contains(t, lines[1], ev.ID().String())
}

func TestUnwritableAuditLogIsDeadLettersNotSilence(t *testing.T) {
	t.Parallel()
	r := build(t, localOptions{}, func(p *parts) { p.audit = newAuditLog(&full{}) })
	r.run(t, ask("alice", "Hi", "sms", "push"))
	letters := r.dead(t)
	require.Len(t, letters, 2)
	for _, l := range letters {
		assert.Equal(t, organAudit, l.Organ)
		assert.Contains(t, l.Error, "disk is full")
	}
	assert.Equal(t, 1, r.local.sms.book().accepted, "and nothing is sent again")
}
