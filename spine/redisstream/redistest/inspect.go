package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// askLimit bounds each question to a server.
const askLimit = 10 * time.Second

// Flush removes everything, in all databases. Like all methods below, it ends the test when it does
// not succeed and is for the test's own goroutine.
func (s *Server) Flush() {
	s.t.Helper()
	s.notShared("flush")
	s.ask("flush", func(ctx context.Context) error { return s.Client().FlushAll(ctx).Err() })
}

// SetSlowLog empties the slow log and notes commands from now on that take d or longer: 0 is all,
// negative none. Not for the shared server.
func (s *Server) SetSlowLog(d time.Duration) {
	s.t.Helper()
	s.notShared("set the slow log")
	threshold := d.Microseconds()
	if d < 0 {
		threshold = -1
	}
	s.ask("set the slow log", func(ctx context.Context) error {
		pipe := s.Client().Pipeline()
		pipe.ConfigSet(ctx, "slowlog-max-len", "100000")
		pipe.ConfigSet(ctx, "slowlog-log-slower-than", strconv.FormatInt(threshold, 10))
		pipe.SlowLogReset(ctx)
		_, err := pipe.Exec(ctx)
		return err
	})
}

// SlowLog returns what the slow log has noted, the newest first.
func (s *Server) SlowLog() []redis.SlowLog {
	s.t.Helper()
	var log []redis.SlowLog
	s.ask("read the slow log", func(ctx context.Context) (err error) {
		log, err = s.Client().SlowLogGet(ctx, -1).Result()
		return err
	})
	return log
}

// UsedMemory is used_memory of INFO, in bytes.
func (s *Server) UsedMemory() int64 {
	s.t.Helper()
	var used int64
	s.ask("read the used memory", func(ctx context.Context) error {
		text, err := info(ctx, s.Client(), "memory", "used_memory")
		if err != nil {
			return err
		}
		used, err = strconv.ParseInt(text, 10, 64)
		return err
	})
	return used
}

// AOFPath is the file that the append only log grows in at present. A rewrite begins another one.
func (s *Server) AOFPath() string {
	s.t.Helper()
	path, err := aofPath(filepath.Join(s.Dir(), "appendonlydir"))
	if err != nil {
		s.t.Fatalf("redistest: find the append only file: %v", err)
	}
	return path
}

// aofPath reads the manifest, whose lines are "file <name> seq <n> type <b|h|i>".
func aofPath(folder string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder, "appendonly.aof.manifest"))
	if err != nil {
		return "", err
	}
	var last string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 6 && words[5] == "i" {
			last = words[1]
		}
	}
	if last == "" {
		return "", fmt.Errorf("the manifest in %q names none", folder)
	}
	return filepath.Join(folder, last), nil
}

func (s *Server) ask(what string, question func(context.Context) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	if err := question(ctx); err != nil {
		s.t.Fatalf("redistest: %s: %v", what, err)
	}
}

func (s *Server) notShared(verb string) {
	s.t.Helper()
	if s.shared {
		s.t.Fatalf("redistest: %s would disturb the other tests of the shared server; use Start", verb)
	}
}

// info is one field of a section of INFO.
func info(ctx context.Context, client *redis.Client, section, field string) (string, error) {
	text, err := client.Info(ctx, section).Result()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, field+":"); found {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("INFO %s tells no %s", section, field)
}
