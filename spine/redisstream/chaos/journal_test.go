package chaos_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/necrostack/necrostack/spine"
)

// journal is what the lives of a node of a cluster write down. It is not synced: what a process has written outlives it.
type journal struct {
	mu   sync.Mutex
	file *os.File
	err  error
}

// line is one thing of them.
type line struct {
	At      int64   `json:"at"`                // µs, on the machine's clock
	Worked  string  `json:"worked,omitempty"`  // organ and id of an event that it was handed, and came to an end with
	Asked   *answer `json:"asked,omitempty"`   // an answer to Ask
	Refused string  `json:"refused,omitempty"` // the kind of error that an Ask ended with
}

// answer is what a cell was said to be.
type answer struct {
	Organ, Key string
	Seen       seen
	Stored     int // changes that the store had of it, afterwards
	at         time.Time
}

// span is a time.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && !t.After(s.to) }

func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &journal{file: file}, err
}

// write writes in one go: a process that is killed leaves a line or none.
func (j *journal) write(l line) {
	l.At = time.Now().UnixMicro()
	text, err := json.Marshal(l)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		_, err = j.file.Write(append(text, '\n'))
	}
	if j.err == nil {
		j.err = err
	}
}

// trouble is what has kept it from writing.
func (j *journal) trouble() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// hooks note each event that an organ with state and one without have worked on.
func (j *journal) hooks() spine.Hooks {
	return spine.Hooks{Completed: func(c spine.Completion) {
		if c.Organ == "book" || c.Organ == "relay" {
			j.write(line{Worked: c.Organ + " " + c.Event.ID().String()})
		}
	}}
}

// diary is what was read of journals.
type diary struct {
	answers []answer
	refused map[string]int
	worked  map[string][]time.Time
}

func newDiary() *diary { return &diary{refused: map[string]int{}, worked: map[string][]time.Time{}} }

// read reads a journal; one that is not there is empty.
func (d *diary) read(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // It is only read.
	in := bufio.NewScanner(file)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return fmt.Errorf("line %q of %s: %w", in.Text(), path, err)
		}
		d.note(l)
	}
	return in.Err()
}

func (d *diary) note(l line) {
	at := time.UnixMicro(l.At)
	switch {
	case l.Asked != nil:
		l.Asked.at = at
		d.answers = append(d.answers, *l.Asked)
	case l.Refused != "":
		d.refused[l.Refused]++
	default:
		d.worked[l.Worked] = append(d.worked[l.Worked], at)
	}
}

// holding is what a node takes for its own.
type holding struct {
	Owner  string // the life, as leases call it
	Shards []uint32
}

func (h holding) equal(x holding) bool { return h.Owner == x.Owner && slices.Equal(h.Shards, x.Shards) }

// write puts it into a file, whole.
func (h holding) write(path string) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// holding is what a node has told last. One that has told nothing holds nothing.
func (m *member) holding() holding {
	var h holding
	if text, err := os.ReadFile(m.orders.Holding); err == nil {
		_ = json.Unmarshal(text, &h) // It was written whole.
	}
	return h
}

// owner is what leases call the present life, "" where that is not known.
func (m *member) owner() string { return m.holding().Owner }
