package redisstream

import "context"

// What one page writes: scripts hold up everybody else on the server while they run.
const (
	pageCommands = 200
	pageBytes    = 256 << 10
	fieldBytes   = 128 // what a field counts for that the server copies by itself
)

// page is a number of commands that are written at once, and in order.
type page struct {
	keys     []string
	known    map[string]bool
	words    []any
	commands int
	bytes    int
}

func newPage(meta string) page { return page{keys: []string{meta}, known: map[string]bool{}} }

// write adds a command that touches these keys.
func (m *mover) write(ctx context.Context, keys []string, words ...any) error {
	p := &m.page
	size := 0
	for _, word := range words {
		if s, ok := word.(string); ok {
			size += len(s)
		}
	}
	if p.commands > 0 && p.bytes+size > pageBytes {
		if err := m.flush(ctx); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if !p.known[key] {
			p.known[key] = true
			p.keys = append(p.keys, key)
		}
	}
	p.words = append(append(p.words, len(words)), words...)
	p.commands, p.bytes = p.commands+1, p.bytes+size
	if p.commands < pageCommands {
		return nil
	}
	return m.flush(ctx)
}

// weigh makes what the server copies by itself count for the size of the page.
func (m *mover) weigh(ctx context.Context, fields int64) error {
	m.page.bytes += int(fields) * fieldBytes
	if m.page.bytes < pageBytes {
		return nil
	}
	return m.flush(ctx)
}

// flush writes what was added.
func (m *mover) flush(ctx context.Context) error {
	p := &m.page
	if p.commands == 0 {
		return nil
	}
	m.number++
	c := operatorCall("reshard_page", p.keys, append([]any{m.attempt, formatNumber(m.number)}, p.words...))
	if err := m.until(ctx, c); err != nil {
		return err
	}
	m.page = newPage(m.keys.meta())
	return refused(c)
}
