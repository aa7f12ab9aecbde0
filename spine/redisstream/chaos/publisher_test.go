package chaos_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/spine/redisstream"
)

// notes are what a publisher keeps in its file: up to which number it may have published, and up to which
// all were accepted.
type notes struct{ sent, accepted uint64 }

// readNotes reads a file of notes; one that is not there is empty. A last line that is torn does not count.
func readNotes(path string) (notes, error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return notes{}, nil
	}
	if err != nil {
		return notes{}, err
	}
	defer func() { _ = file.Close() }() // It is only read.
	var n notes
	in := bufio.NewReader(file)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return n, nil
		}
		word, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		at := &n.sent
		if word == "accepted" {
			at = &n.accepted
		}
		if _, err := fmt.Sscan(number, at); err != nil {
			return n, fmt.Errorf("line %q of %s: %w", line, path, err)
		}
	}
}

// publish publishes transfers, in order of their numbers, until ctx ends. After a crash it goes on with
// what it does not know to be accepted: under the same ids.
func publish(ctx context.Context, b *redisstream.Backend, o orders) error {
	n, err := readNotes(o.Notes)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(o.Notes, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // Every note is synced.
	stamper := actors.NewStamper(actors.StamperOptions{Service: service, Encode: true})
	dice := rand.New(rand.NewPCG(o.Seed, n.accepted))
	next := n.accepted
	for ctx.Err() == nil {
		last := next + 1 + dice.Uint64N(8)
		if err := note(file, "sent", last); err != nil {
			return err
		}
		if done, err := publishAll(ctx, b, stamper, o.Number, next+1, last); err != nil || !done {
			return err
		}
		if err := note(file, "accepted", last); err != nil {
			return err
		}
		pause(ctx, time.Duration(last-next)*time.Second/time.Duration(o.Rate))
		next = last
	}
	return closeBackend(b)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func note(file *os.File, word string, n uint64) error {
	if _, err := fmt.Fprintln(file, word, n); err != nil {
		return err
	}
	return file.Sync()
}

// publishAll returns when all are accepted, or some time after the end of ctx. It gives each try little time, so that many end without an answer and are
// repeated by another number, with nothing but the ids to tell that they are repeats.
func publishAll(over context.Context, b *redisstream.Backend, stamper *actors.Stamper, publisher, first, last uint64) (bool, error) {
	var evs []actors.Event
	for k := first; k <= last; k++ {
		n := publisher*perSource + k
		ev, err := stamper.Root(actors.With(transferOf(n), chosenID(n)), time.Now())
		if err != nil {
			return false, err
		}
		evs = append(evs, ev)
	}
	for tries := 0; ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		answers, err := b.Publish(ctx, evs)
		cancel()
		if err == nil && accepted(answers) {
			return true, nil
		}
		if over.Err() != nil {
			tries++
		}
		if tries == lastTries {
			return false, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// lastTries are left to a publisher that is to end.
const lastTries = 3

func accepted(answers []spine.Published) bool {
	for _, a := range answers {
		if a.Code == spine.Refused {
			return false
		}
	}
	return true
}
