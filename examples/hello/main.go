// Hello is the smallest program on NecroStack: an event goes in, an organ reacts.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// VisitorArrived is a payload: an ordinary Go value that names its event type.
type VisitorArrived struct {
	Name string `json:"name"`
}

// EventType implements actors.Payload.
func (VisitorArrived) EventType() string { return "VISITOR_ARRIVED" }

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	greeter := actors.NewOrgan("greeter", actors.Sink(func(_ context.Context, ev actors.EventOf[VisitorArrived]) error {
		_, err := fmt.Fprintf(out, "Hello, %s!\n", ev.Payload.Name)
		return err
	}))
	s, err := spine.New(spine.NewMemory(), spine.WithOrgan(greeter))
	if err != nil {
		return err
	}
	_, err = s.RunUntilIdle(ctx, VisitorArrived{"world"}, VisitorArrived{"necromancer"})
	return err
}
