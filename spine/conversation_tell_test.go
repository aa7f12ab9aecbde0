package spine

import (
	"fmt"
	"strings"
	"time"
)

// step steps the core, and writes down what it wants done.
func (k *talk) step(f func(now time.Time)) {
	f(time.Now())
	k.c.flush()
	out := &k.c.out
	for _, x := range out.runs {
		k.running[x.lane.organ.name] = x.batch
		k.tellRun(x)
	}
	if out.chunk != nil {
		k.chunks = append(k.chunks, out.chunk)
		for i := range out.chunk.ss {
			k.tellSettlement(&out.chunk.ss[i])
		}
	}
	for _, n := range out.notes {
		k.tell("note: %s", n.Kind)
	}
	if out.cancelPull {
		k.tell("end the pull")
	}
	if out.pull {
		k.tellPull(k.c.credit.want)
	}
	if !out.wake.IsZero() {
		k.tell("wake in %v", time.Until(out.wake))
	}
	if out.ended {
		k.tell("the end")
	}
	out.reset()
}

func (k *talk) tell(format string, args ...any) {
	fmt.Fprintf(&k.out, "  "+format+"\n", args...)
}

func (k *talk) tellRun(x laneRun) {
	var items []string
	for _, it := range x.batch.Items {
		text := fmt.Sprint(k.number[it.Event.ID()])
		if it.Attempt > 1 {
			text += fmt.Sprintf(" (attempt %d)", it.Attempt)
		}
		if it.Failed != nil {
			text += " (OnFailed)"
		}
		items = append(items, text)
	}
	k.tell("%s handles %s", x.lane.organ.name, strings.Join(items, ", "))
}

func (k *talk) tellSettlement(s *Settlement) {
	who := "nobody"
	if s.Organ != NoOrgan {
		who = k.organs[s.Organ].name
	}
	text := []string{"done", "dead letter", "retry", "defer"}[s.Kind]
	switch l := s.Later; {
	case l == nil:
	case l.Waits:
		text += " until the organ takes it"
	default:
		text += fmt.Sprintf(" in %v", time.Until(l.Due))
	}
	if s.Later != nil && s.Later.Attempts > 0 {
		text += fmt.Sprintf(", failed %d times", s.Later.Attempts)
	}
	k.tell("settle %d for %s: %s", s.Receipt.A, who, text)
}

// tellPull says how many events are pulled, and of which organs no waiting work is taken.
func (k *talk) tellPull(w Want) {
	text := fmt.Sprintf("pull %d", w.Events)
	for i, room := range w.Organs {
		if room == 0 {
			text += ", nothing that waits for " + k.organs[i].name
		}
	}
	k.tell("%s", text)
}
