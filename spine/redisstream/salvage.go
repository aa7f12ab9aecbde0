package redisstream

import (
	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/supervision"
)

// readLetter is decodeLetter for people: a letter that cannot be read is told with what can be read of it, so that nothing
// lies in the store unseen. It belongs to the organ that it names, else to _bad, and its Error says what is wrong.
func readLetter(service string, raw rawEntry) supervision.DeadLetter {
	id := raw.id.String()
	l, err := decodeLetter(id, raw.values)
	if err == nil {
		return l
	}
	f := salvage(raw.values)
	l = supervision.DeadLetter{
		ID: id, Service: service, Organ: f.text[letterOrgan], Reason: actors.KindOf(f.text[letterReason]),
		Error: supervision.ClipError(err.Error()), Stack: supervision.ClipStack(f.text[letterStack]),
	}
	if was := f.text[letterError]; was != "" {
		l.Error = supervision.ClipError(err.Error() + "; its error: " + was)
	}
	if actors.CheckName(letterOrgan, l.Organ) != nil {
		l.Organ = badOrgan
	}
	if l.Reason == 0 {
		l.Reason = actors.KindUndecodable
	}
	_ = f.readAttempts(&l) // what it can
	if f.readTime(letterLast, &l.Last) != nil {
		_ = f.readTime(letterFailedAt, &l.Last)
	}
	if ev, err := f.event.decode(); err == nil {
		l.Event = ev
	}
	return l
}

// salvage takes the fields of a letter as far as they come in pairs, of those that are there twice the first.
func salvage(values []string) letterFields {
	f := letterFields{text: map[string]string{}}
	seen := map[string]bool{}
	for i := 0; i+1 < len(values); i += 2 {
		name := values[i]
		if seen[name] {
			continue
		}
		seen[name] = true
		if known, _ := f.event.set(name, &values[i+1]); !known {
			f.text[name] = values[i+1]
		}
	}
	return f
}
