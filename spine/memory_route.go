package spine

import "strings"

// memoryRoutes says which organs of a service an event is for.
type memoryRoutes struct {
	service   string
	addresses []string // by organ: what Event.Only calls it
	byType    map[string]*memoryRoute
	byNumber  []*memoryRoute // by Event.TypeNumber; nil is not known yet
}

// memoryRoute is where events of one kind go.
type memoryRoute struct {
	organs    []int32  // NoOrgan alone where nobody wants them
	addressed bool     // not all that listen to the type: a delivery has to name them
	alone     [1]int32 // organs, where it is one: a piece of memory less to look at
}

// plain are the organs of the route if these are all that listen to the type, else nil.
func (r *memoryRoute) plain() []int32 {
	if r.addressed {
		return nil
	}
	return r.organs
}

// unwantedRoute is that of events for which the service has no organ.
var unwantedRoute = &memoryRoute{organs: []int32{NoOrgan}}

func newMemoryRoutes(service string, organs []OrganSpec) memoryRoutes {
	r := memoryRoutes{service: service, byType: map[string]*memoryRoute{}}
	for i, organ := range organs {
		r.addresses = append(r.addresses, service+"/"+organ.Name)
		for _, typ := range organ.Types {
			route := r.byType[typ]
			if route == nil {
				route = &memoryRoute{}
				route.organs = route.alone[:0]
				r.byType[typ] = route
			}
			route.organs = append(route.organs, int32(i))
		}
	}
	return r
}

// of returns the route of an event; nil when it is for another service.
func (r *memoryRoutes) of(e *memoryEntry) *memoryRoute {
	if n := int(e.number); n != 0 && n < len(r.byNumber) && r.byNumber[n] != nil {
		return r.byNumber[n]
	}
	route := r.find(e.event.Type(), e.event.Only())
	if n := int(e.number); n != 0 {
		r.byNumber = grown(r.byNumber, n+1)
		r.byNumber[n] = route
	}
	return route
}

// find is of, for an event of this type that is addressed to only (Event.Only).
func (r *memoryRoutes) find(typ, only string) *memoryRoute {
	if only != "" {
		return r.addressed(typ, only)
	}
	if route := r.byType[typ]; route != nil {
		return route
	}
	return unwantedRoute
}

func (r *memoryRoutes) addressed(typ, only string) *memoryRoute {
	for i, address := range r.addresses {
		if address == only && r.listens(int32(i), typ) {
			return &memoryRoute{organs: []int32{int32(i)}, addressed: true}
		}
	}
	if strings.HasPrefix(only, r.service+"/") {
		return unwantedRoute
	}
	return nil
}

func (r *memoryRoutes) listens(organ int32, typ string) bool {
	route := r.byType[typ]
	if route == nil {
		return false
	}
	for _, o := range route.organs {
		if o == organ {
			return true
		}
	}
	return false
}
