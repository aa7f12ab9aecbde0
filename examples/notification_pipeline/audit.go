package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// status is how a channel of a request ended.
type status string

// The ways to end.
const (
	statusDelivered   status = "delivered"
	statusFailed      status = "failed"
	statusUnreachable status = "unreachable"
)

// auditRow is one line of the audit log: one channel of one request.
type auditRow struct {
	ID       actors.ID `json:"id"`      // of the event this row is about
	Request  actors.ID `json:"request"` // correlation id: of the NOTIFICATION_REQUESTED
	Time     time.Time `json:"time"`
	UserID   string    `json:"user_id"`
	Channel  channel   `json:"channel"`
	Status   status    `json:"status"`
	To       string    `json:"to,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	Reason   string    `json:"reason,omitempty"`
}

// auditLog writes rows as JSON lines, one per event: an event that comes again, after a retry or a
// restart of the program, finds its row there. Safe for concurrent use.
type auditLog struct {
	mu    sync.Mutex
	out   io.Writer
	close func() error
	rows  map[actors.ID]struct{}
	added int  // rows of this run
	torn  bool // the last line is not complete
}

// newAuditLog writes to out and knows of no row yet.
func newAuditLog(out io.Writer) *auditLog {
	return &auditLog{out: out, close: func() error { return nil }, rows: map[actors.ID]struct{}{}}
}

// openAuditLog goes on with the file at path, or begins it.
func openAuditLog(path string) (*auditLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l := newAuditLog(f)
	l.close = f.Close
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = l.remember(io.LimitReader(f, info.Size()))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("audit log %q: %w", path, err), f.Close())
	}
	return l, nil
}

// longestRow is how long a line may be, in bytes.
const longestRow = 1 << 20

// remember reads the rows that are there. What is no row, such as the half line of a crash, is left alone.
func (l *auditLog) remember(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, longestRow)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		// As bufio.ScanLines, but the newline stays: the last line may lack it.
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i+1], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	for s.Scan() {
		l.torn = !bytes.HasSuffix(s.Bytes(), []byte{'\n'})
		var row auditRow
		if json.Unmarshal(s.Bytes(), &row) == nil {
			l.rows[row.ID] = struct{}{}
		}
	}
	return s.Err()
}

// write adds the row about ev, unless it is there.
func (l *auditLog) write(ev actors.Event, row auditRow) error {
	row.ID, row.Request, row.Time = ev.ID(), ev.Correlation(), ev.Time()
	line, err := json.Marshal(row)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.rows[row.ID]; there {
		return nil
	}
	if l.torn {
		line = append([]byte{'\n'}, line...)
	}
	_, err = l.out.Write(line)
	if l.torn = err != nil; l.torn {
		return fmt.Errorf("audit log: %w", err)
	}
	l.rows[row.ID] = struct{}{}
	l.added++
	return nil
}

// count is how many rows this run has added.
func (l *auditLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.added
}
