package console

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Progress tells how far a run is, as a bar for somebody who looks on and in steps of a tenth
// for everybody else.
type Progress struct {
	out   io.Writer
	total int
	count func() int
	tenth int // told last
	live  bool
	done  chan struct{}
	ended sync.WaitGroup
}

const progressTick = 100 * time.Millisecond

func NewProgress(out io.Writer, total int, count func() int) *Progress {
	p := &Progress{out: out, total: total, count: count, live: Terminal(out), done: make(chan struct{})}
	p.ended.Go(p.run) // ends with stop
	return p
}

func (p *Progress) Stop() {
	close(p.done)
	p.ended.Wait()
	p.show()
	if p.live {
		_, _ = fmt.Fprintln(p.out)
	}
}

func (p *Progress) run() {
	tick := time.NewTicker(progressTick)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
			p.show()
		}
	}
}

func (p *Progress) show() {
	n := p.count()
	const cells = 50
	if p.live {
		full := n * cells / p.total
		_, _ = fmt.Fprintf(p.out, "\r  %s%s %3d %%  %s of %s", strings.Repeat("█", full), strings.Repeat("░", cells-full),
			n*100/p.total, Grouped(n), Grouped(p.total))
		return
	}
	if tenth := n * 10 / p.total; tenth > p.tenth {
		p.tenth = tenth
		_, _ = fmt.Fprintf(p.out, "  %3d %%  %s of %s\n", tenth*10, Grouped(n), Grouped(p.total))
	}
}
