package redisstream

import "encoding/json"

// progress is how far one organ has come with an entry, as the store has it: by name, so that it outlives a program with
// other organs.
type progress struct {
	Done     bool  `json:"d,omitempty"`
	Attempts int   `json:"n,omitempty"`
	First    int64 `json:"f,omitempty"` // µs
	Due      int64 `json:"u,omitempty"` // µs
	Waits    bool  `json:"w,omitempty"`
}

func decodeProgress(s string) map[string]progress {
	if s == "" {
		return nil
	}
	var p map[string]progress
	if err := json.Unmarshal([]byte(s), &p); err != nil {
		return nil // nobody has come anywhere, as far as can be told
	}
	return p
}

// encodeProgress tells of the organs that have done anything.
func (b *Backend) encodeProgress(e *entry) string {
	p := map[string]progress{}
	for i := range e.works {
		w := &e.works[i]
		if w.organ < 0 {
			continue
		}
		name := b.service.Organs[w.organ].Name
		switch {
		case w.state == workFinished:
			p[name] = progress{Done: true}
		case w.state == workHeld && w.wait != waitTurn || w.attempts > 0:
			x := progress{Attempts: int(w.attempts), First: w.first}
			if w.state == workHeld {
				x.Due, x.Waits = w.due, w.waits
			}
			p[name] = x
		}
	}
	text, _ := json.Marshal(p) // numbers and names: always
	return string(text)
}
