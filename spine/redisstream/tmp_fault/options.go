package redistest

import (
	"fmt"
	"strconv"
	"strings"
)

// Option is one setting of a Server. A later one wins over an earlier one.
type Option func(*settings)

type settings struct {
	data  string // "": a folder of the test
	tls   bool
	lines [][]string // of the configuration file, after our own
}

// AOF turns the append only file on. The policy is that of appendfsync: always, everysec or no.
func AOF(policy string) Option {
	return func(s *settings) {
		s.add("appendonly", "yes")
		s.add("appendfsync", policy)
	}
}

// MaxMemory bounds the memory, with a policy for what then happens, for example noeviction.
func MaxMemory(bytes int64, policy string) Option {
	return func(s *settings) {
		s.add("maxmemory", strconv.FormatInt(bytes, 10))
		s.add("maxmemory-policy", policy)
	}
}

// User adds a user with ACL rules, for example User("reader", "on", ">secret", "~*", "+@read").
// The user "redistest" is the package's own.
func User(name string, rules ...string) Option {
	return Conf("user", append([]string{name}, rules...)...)
}

// TLS makes the server take TLS connections only, with a certificate for 127.0.0.1 and localhost from
// an authority made for it. It asks clients for no certificate.
func TLS() Option { return func(s *settings) { s.tls = true } }

// Dir keeps the server's data in an existing folder, for example on a small file system. The
// folder is not removed.
func Dir(path string) Option { return func(s *settings) { s.data = path } }

// Conf adds a line to the configuration file: a directive and its values, which may hold any bytes.
func Conf(key string, values ...string) Option {
	return func(s *settings) { s.add(key, values...) }
}

func (s *settings) add(key string, values ...string) {
	s.lines = append(s.lines, append([]string{key}, values...))
}

// text is the configuration file.
func (s *settings) text() string {
	var b strings.Builder
	for _, line := range s.lines {
		b.WriteString(line[0])
		for _, value := range line[1:] {
			b.WriteByte(' ')
			b.WriteString(quoted(value))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// quoted writes a value as redis.conf reads it, which knows fewer escapes than Go.
func quoted(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
			continue
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String()
}
