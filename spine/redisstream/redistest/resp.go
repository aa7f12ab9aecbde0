package redistest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// request is what passes or fails as one: a command, or a transaction from MULTI to EXEC. Each
// command has one reply.
type request struct {
	raw      []byte
	commands [][][]byte
}

// opens tells whether the request sets the connection up rather than asks something of the store.
func (r request) opens() bool {
	command := r.commands[0]
	switch strings.ToUpper(string(command[0])) {
	case "HELLO", "AUTH", "SELECT":
		return true
	case "CLIENT":
		return len(command) > 1 && isAmong(command[1:], []string{"SETNAME", "SETINFO", "MAINT_NOTIFICATIONS"})
	default:
		return false
	}
}

// readRequest reads a whole transaction, before anything of it is answered: so do clients send it that
// have nothing to decide within.
func readRequest(in *bufio.Reader) (request, error) {
	var r request
	for {
		command, err := r.read(in)
		if err != nil {
			return request{}, err
		}
		r.commands = append(r.commands, command)
		begun := isAmong(r.commands[0], []string{"MULTI"})
		if !begun || isAmong(command, []string{"EXEC", "DISCARD"}) {
			return r, nil
		}
	}
}

// read reads one command, in the usual form or typed by hand as a line.
func (r *request) read(in *bufio.Reader) ([][]byte, error) {
	line, err := readLine(in, &r.raw)
	for err == nil && len(line) == 0 { // The server does not answer an empty line either.
		line, err = readLine(in, &r.raw)
	}
	if err != nil {
		return nil, err
	}
	if line[0] != '*' {
		words := bytes.Fields(line)
		if len(words) == 0 {
			return nil, errors.New("a command of blanks")
		}
		return words, nil
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("a command of %q words", line[1:])
	}
	var words [][]byte
	for range n {
		word, err := readBulk(in, &r.raw)
		if err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}

func readBulk(in *bufio.Reader, raw *[]byte) ([]byte, error) {
	line, err := readLine(in, raw)
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[0] != '$' {
		return nil, fmt.Errorf("%q where the length of a word belongs", line)
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < 0 {
		return nil, fmt.Errorf("a word of %q bytes", line[1:])
	}
	return readBytes(in, raw, n)
}

// readReply reads one reply or push in RESP2 or RESP3, as it is.
func readReply(out *bufio.Reader) (raw []byte, push bool, err error) {
	first, err := out.Peek(1)
	if err != nil {
		return nil, false, err
	}
	push = first[0] == '>'
	err = readValue(out, &raw)
	return raw, push, err
}

// readValue reads a value with all that it contains.
func readValue(out *bufio.Reader, raw *[]byte) error {
	line, err := readLine(out, raw)
	if err != nil {
		return err
	}
	if len(line) == 0 {
		return errors.New("an empty reply")
	}
	values := 0
	switch line[0] {
	case '$', '=', '!':
		n, err := strconv.Atoi(string(line[1:]))
		if err != nil || n < 0 { // -1 is null
			return err
		}
		_, err = readBytes(out, raw, n)
		return err
	case '*', '~', '>':
		values, err = strconv.Atoi(string(line[1:]))
	case '%':
		values, err = strconv.Atoi(string(line[1:]))
		values *= 2
	case '|': // Attributes come before the value that they belong to.
		values, err = strconv.Atoi(string(line[1:]))
		values = 2*values + 1
	}
	for range max(values, 0) {
		if err = readValue(out, raw); err != nil {
			return err
		}
	}
	return err
}

func readLine(in *bufio.Reader, raw *[]byte) ([]byte, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	*raw = append(*raw, line...)
	return bytes.TrimRight(line, "\r\n"), nil
}

// readBytes reads n bytes and the end of line behind them.
func readBytes(in *bufio.Reader, raw *[]byte, n int) ([]byte, error) {
	word := make([]byte, n+2)
	if _, err := io.ReadFull(in, word); err != nil {
		return nil, err
	}
	*raw = append(*raw, word...)
	return word[:n], nil
}
