package replay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// MaxLine is the length in bytes of the longest line that can be a command, its
// end included. A longer one is rejected as MALFORMED and the reader goes on
// behind it.
const MaxLine = 64 << 10

// lines hands out the commands of a stream one by one, in constant memory.
type lines struct {
	in *bufio.Reader
}

func newLines(in io.Reader) lines {
	return lines{in: bufio.NewReaderSize(in, MaxLine)}
}

// next returns the next line that is not blank, which is valid until the next
// call. Too long a line is given as nil. The error is io.EOF at the end.
func (l lines) next() ([]byte, error) {
	for {
		line, err := l.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, l.skip()
		}
		if err != nil && (err != io.EOF || len(line) == 0) {
			return nil, err
		}
		if len(bytes.TrimLeft(line, " \t\r\n")) > 0 {
			return line, nil
		}
	}
}

// skip reads to the end of a line. That the stream ends there is told next time.
func (l lines) skip() error {
	for {
		_, err := l.in.ReadSlice('\n')
		if err == nil || err == io.EOF {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
