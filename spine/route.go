package spine

import (
	"strings"
)

// route says which organs listen to an event type. It never changes.
type route struct {
	service string
	byType  map[string][]int32
	byName  map[string]int32
	last    string // the type asked for last: events come in runs of one type
	lastTo  []int32
}

func newRoute(s Service) *route {
	r := &route{service: s.Name, byType: map[string][]int32{}, byName: map[string]int32{}}
	for i, o := range s.Organs {
		r.byName[o.Name] = int32(i)
		for _, typ := range o.Types {
			r.byType[typ] = append(r.byType[typ], int32(i))
		}
	}
	return r
}

// organs lists the organs that an event of this type concerns, those to whom only
// addresses it where it is set.
func (r *route) organs(typ, only string) []int32 {
	if only != "" {
		return r.addressed(typ, only)
	}
	if typ != r.last || r.lastTo == nil {
		r.last, r.lastTo = typ, r.byType[typ]
	}
	return r.lastTo
}

func (r *route) addressed(typ, only string) []int32 {
	service, name, _ := strings.Cut(only, "/")
	i, ok := r.byName[name]
	if service != r.service || !ok {
		return nil
	}
	for _, o := range r.byType[typ] {
		if o == i {
			return []int32{i}
		}
	}
	return nil
}
