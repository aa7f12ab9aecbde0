package spine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/spine"
)

// The events of a trip; all of them have the trip's name as their key.
type (
	TripBooked    struct{ Trip string }
	RoomReserved  struct{ Trip string }
	ChargeCard    struct{ Trip string }
	PaymentFailed struct{ Trip, Why string }
	RoomCancelled struct{ Trip string }
)

func (TripBooked) EventType() string    { return "TRIP_BOOKED" }
func (RoomReserved) EventType() string  { return "ROOM_RESERVED" }
func (ChargeCard) EventType() string    { return "CHARGE_CARD" }
func (PaymentFailed) EventType() string { return "PAYMENT_FAILED" }
func (RoomCancelled) EventType() string { return "ROOM_CANCELLED" }

func (e TripBooked) EventKey() string    { return e.Trip }
func (e RoomReserved) EventKey() string  { return e.Trip }
func (e ChargeCard) EventKey() string    { return e.Trip }
func (e PaymentFailed) EventKey() string { return e.Trip }
func (e RoomCancelled) EventKey() string { return e.Trip }

type trip struct{ RoomHeld bool }

// A saga is a keyed organ: it remembers what has been done for a trip, and undoes it when a
// helper gives up, which the helper says in OnFailed.
func Example_saga() {
	saga := actors.NewKeyed("trips", func(string) *trip { return &trip{} },
		actors.Step(func(t *trip, ev actors.EventOf[RoomReserved]) ([]actors.Payload, error) {
			t.RoomHeld = true
			return actors.Emit(ChargeCard(ev.Payload)), nil
		}),
		actors.Step(func(t *trip, ev actors.EventOf[PaymentFailed]) ([]actors.Payload, error) {
			if !t.RoomHeld {
				return nil, nil
			}
			t.RoomHeld = false
			return actors.Emit(RoomCancelled{ev.Key()}), nil
		}))
	hotel := actors.NewOrgan("hotel",
		actors.On(func(_ context.Context, ev actors.EventOf[TripBooked]) ([]actors.Payload, error) {
			fmt.Println("room reserved for", ev.Key())
			return actors.Emit(RoomReserved(ev.Payload)), nil
		}),
		actors.Sink(func(_ context.Context, ev actors.EventOf[RoomCancelled]) error {
			fmt.Println("room cancelled for", ev.Key())
			return nil
		}))
	bank := actors.NewOrgan("bank",
		actors.Sink(func(context.Context, actors.EventOf[ChargeCard]) error {
			return actors.Permanent(errors.New("card declined"))
		}),
		actors.OnFailed(func(ev actors.EventOf[ChargeCard], f actors.Failure) []actors.Payload {
			fmt.Println("payment failed:", f.Err)
			return actors.Emit(PaymentFailed{ev.Key(), f.Err.Error()})
		}))
	s, err := spine.New(spine.NewMemory(), spine.WithLogger(slog.New(slog.DiscardHandler)),
		spine.WithOrgan(saga), spine.WithOrgan(hotel), spine.WithOrgan(bank))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.RunUntilIdle(context.Background(), TripBooked{"rome"}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// room reserved for rome
	// payment failed: card declined
	// room cancelled for rome
}
