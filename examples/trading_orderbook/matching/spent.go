package matching

// spent remembers every id that was ever accepted (Config.IDsEver): open addressing, never shrinking.
type spent struct {
	ids   []OrderID // 0: empty
	shift uint      // 64 - log2(len(ids))
	n     int
}

func newSpent() *spent { return &spent{ids: make([]OrderID, 64), shift: 58} }

// find returns where the id is or would be.
func (s *spent) find(id OrderID) int {
	mask := len(s.ids) - 1
	i := int(uint64(id) * 0x9E3779B97F4A7C15 >> s.shift)
	for s.ids[i] != 0 && s.ids[i] != id {
		i = (i + 1) & mask
	}
	return i
}

func (s *spent) has(id OrderID) bool { return s.ids[s.find(id)] == id }

func (s *spent) add(id OrderID) {
	if 2*s.n >= len(s.ids) {
		s.grow()
	}
	i := s.find(id)
	if s.ids[i] == 0 {
		s.ids[i] = id
		s.n++
	}
}

func (s *spent) grow() {
	old := s.ids
	s.ids = make([]OrderID, 2*len(old))
	s.shift--
	for _, id := range old {
		if id != 0 {
			s.ids[s.find(id)] = id
		}
	}
}
