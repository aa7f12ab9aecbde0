package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// Line is a line of input, or why there are no more.
type Line struct {
	Text string
	Err  error
}

// LongestLine is how long a line may be, in bytes.
const LongestLine = 64 << 10

// Lines reads lines of at most 64 KiB in a goroutine: a read that waits for somebody to type cannot be
// interrupted. It ends with in, and in the worst case with the program; the channel is closed then.
func Lines(ctx context.Context, in io.Reader) <-chan Line {
	lines := make(chan Line)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		s.Buffer(nil, LongestLine)
		for s.Scan() {
			select {
			case lines <- Line{Text: s.Text()}:
			case <-ctx.Done():
				return
			}
		}
		if s.Err() != nil {
			select {
			case lines <- Line{Err: fmt.Errorf("standard input: %w", s.Err())}:
			case <-ctx.Done():
			}
		}
	}()
	return lines
}
