package actors

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Cell is one state of a keyed organ, as a runtime drives it. It is for one goroutine and
// does not recover panics; after an error or a panic of Step it must be thrown away.
type Cell interface {
	// Step handles one event. Its error is of a permanent kind.
	Step(Event) ([]Payload, error)
	// Answer runs the Answer for the query's type and returns its reply as JSON.
	Answer(query any) (json.RawMessage, error)
	// MarshalState encodes the state.
	MarshalState() ([]byte, error)
	// UnmarshalState replaces the state of a new cell by an encoded one. A JSON or protobuf
	// state comes from the bytes alone; UnmarshalBinary is called on what fresh made.
	UnmarshalState([]byte) error
}

// ErrNoAnswer reports a query that the organ has no Answer for.
var ErrNoAnswer = errors.New("actors: no answer to this query")

type cell[S any] struct {
	def   *keyedDef[S]
	state *S
}

func (c *cell[S]) Step(ev Event) ([]Payload, error) {
	step := c.def.steps[ev.Type()]
	if step == nil {
		return nil, OfKind(KindUndecodable, fmt.Errorf("organ %s has no step for %s", c.def.name, ev.Type()))
	}
	out, err := step(c.state, ev)
	if err == nil {
		return out, nil
	}
	if kind, _ := Classify(err); !kind.Permanent() {
		err = OfKind(KindPermanent, err)
	}
	return nil, err
}

func (c *cell[S]) Answer(query any) (json.RawMessage, error) {
	answer := c.def.answers[queryName(query)]
	if answer == nil {
		return nil, fmt.Errorf("%w: organ %s, query %s", ErrNoAnswer, c.def.name, queryName(query))
	}
	return answer(c.state, query)
}

func (c *cell[S]) MarshalState() ([]byte, error)    { return c.def.codec.marshal(c.state) }
func (c *cell[S]) UnmarshalState(data []byte) error { return c.def.codec.unmarshal(data, c.state) }

// Query is a query that has crossed a process boundary: a name and JSON.
type Query struct {
	Name string
	Data json.RawMessage
}

// NamedQuery may be implemented by query types to choose their name on the wire; the
// default is the Go type, such as "desk.Depth".
type NamedQuery interface{ QueryName() string }

func queryName(q any) string {
	switch x := q.(type) {
	case Query:
		return x.Name
	case NamedQuery:
		return x.QueryName()
	default:
		return fmt.Sprintf("%T", q)
	}
}

// NewQuery is the form in which a query crosses a process boundary; a Query stays as it is.
func NewQuery(query any) (Query, error) {
	if q, ok := query.(Query); ok {
		return q, nil
	}
	data, err := json.Marshal(query)
	if err != nil {
		return Query{}, fmt.Errorf("query %s: %w", queryName(query), err)
	}
	return Query{Name: queryName(query), Data: data}, nil
}

// queryNameOf is the name of the queries of type Q.
func queryNameOf[Q any]() (name string, err error) {
	t := reflect.TypeFor[Q]()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("query %s: QueryName panics on the zero value: %v", t, v)
		}
	}()
	zero := reflect.Zero(t)
	if t.Kind() == reflect.Pointer {
		zero = reflect.New(t.Elem())
	}
	if t.Kind() == reflect.Interface || queryName(zero.Interface()) == "" {
		return "", fmt.Errorf("query %s has no name: answer a concrete type", t)
	}
	return queryName(zero.Interface()), nil
}

func queryOf[Q any](query any) (Q, error) {
	switch x := query.(type) {
	case Q:
		return x, nil
	case Query:
		var q Q
		if err := json.Unmarshal(x.Data, &q); err != nil {
			return q, fmt.Errorf("query %s: %w", x.Name, err)
		}
		return q, nil
	default:
		var q Q
		return q, fmt.Errorf("%w: %T", ErrNoAnswer, query)
	}
}
