package clustertest_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// diary is a file in which a process writes each call of its handlers, which no store takes back. A nil one writes nothing.
type diary struct{ file *os.File }

func openDiary(path string) (*diary, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &diary{file: file}, err
}

func (d *diary) write(organ string, l link, attempt int) error {
	if d == nil {
		return nil
	}
	_, err := fmt.Fprintf(d.file, "%s %s %d %d %d\n", organ, l.Key, l.N, attempt, time.Now().UnixMicro())
	return err
}

// call is one call of a handler.
type call struct {
	organ string
	link  link
	at    time.Time
}

// readDiary reads what a process has written. The last line of one that was killed may be cut.
func readDiary(path string) ([]call, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var calls []call
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if !strings.HasSuffix(line, "\n") || len(words) != 5 {
			continue
		}
		n, _ := strconv.Atoi(words[2])
		at, _ := strconv.ParseInt(words[4], 10, 64)
		calls = append(calls, call{organ: words[0], link: link{Key: words[1], N: n}, at: time.UnixMicro(at)})
	}
	return calls, nil
}

// calls returns what the diaries of all processes say, in the order of time.
func (c *company) calls() []call {
	c.Helper()
	var calls []call
	diaries := []string{c.readerDiary()}
	for _, p := range c.processes {
		diaries = append(diaries, p.orders.Diary)
	}
	for _, path := range diaries {
		some, err := readDiary(path)
		require.NoError(c, err)
		calls = append(calls, some...)
	}
	slices.SortStableFunc(calls, func(a, b call) int { return a.at.Compare(b.at) })
	return calls
}

// once holds that these organs, which are one in several versions, were called exactly once with each event.
func (c *company) once(organs ...string) {
	c.Helper()
	times := make(map[link]int)
	for _, x := range c.calls() {
		if slices.Contains(organs, x.organ) {
			times[x.link]++
		}
	}
	count := int(c.load.count.Load())
	for k := range keys {
		for n := 1; n <= count; n++ {
			if l := (link{Key: keyName(k), N: n}); times[l] != 1 {
				assert.Equal(c, 1, times[l], "calls of %v with %v", organs, l)
			}
		}
	}
	assert.Len(c, times, keys*count)
}

// longest returns the longest time between two calls of an organ with events of one key.
func (c *company) longest(organs ...string) (pause time.Duration, key string) {
	last := make(map[string]time.Time)
	for _, x := range c.calls() {
		if !slices.Contains(organs, x.organ) {
			continue
		}
		if before, seen := last[x.link.Key]; seen && x.at.Sub(before) > pause {
			pause, key = x.at.Sub(before), x.link.Key
		}
		last[x.link.Key] = x.at
	}
	return pause, key
}
