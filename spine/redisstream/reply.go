package redisstream

// rawEntry is an entry as it was read.
type rawEntry struct {
	id     streamID
	values []string // nil: it was trimmed
	pull   uint64
}

// streamOf reads the reply of XREADGROUP for one stream.
func streamOf(reply any) []rawEntry {
	streams := list(reply)
	if len(streams) == 0 {
		return nil
	}
	stream := list(streams[0])
	if len(stream) < 2 {
		return nil
	}
	return entriesOf(list(stream[1]))
}

func entriesOf(entries []any) []rawEntry {
	raw := make([]rawEntry, 0, len(entries))
	for _, x := range entries {
		entry := list(x)
		if len(entry) < 2 {
			continue
		}
		id, err := parseID(text(entry[0]))
		if err != nil {
			continue
		}
		raw = append(raw, rawEntry{id: id, values: stringsOf(list(entry[1]))})
	}
	return raw
}

// stringsOf is nil for an entry that was trimmed.
func stringsOf(values []any) []string {
	if len(values) == 0 {
		return nil
	}
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = text(v)
	}
	return s
}
