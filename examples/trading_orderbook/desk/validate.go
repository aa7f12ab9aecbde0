package desk

import (
	"context"
	"strings"
	"time"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// newValidate is the organ that brings commands into their one form, or refuses them with every
// reason. What depends on the book (a duplicate id, an unknown order, a phase) it leaves to
// MatchingEngine.
func newValidate(specs map[string]matching.Spec) actors.Organ {
	return actors.NewOrgan(ValidateOrder,
		actors.Map(func(_ context.Context, ev actors.EventOf[OrderSubmitted]) (actors.Payload, error) {
			v := validation{Command: Command(ev.Payload)}
			v.spec, v.traded = specs[word(v.Symbol)]
			v.check()
			if len(v.reasons) > 0 {
				return v.of(&v.Command), nil
			}
			return OrderValidated(v.Command), nil
		}),
		actors.OnFailed(func(ev actors.EventOf[OrderSubmitted], f actors.Failure) []actors.Payload {
			return actors.Emit(failedAt((*Command)(&ev.Payload), ValidateOrder, f))
		}))
}

// validation is a command on its way into its one form, and what is wrong with it.
type validation struct {
	Command
	refusal
	spec   matching.Spec
	traded bool // there is a spec
}

// check normalises the fields that the action reads, and empties the others.
func (v *validation) check() {
	given := v.Command
	v.Command = Command{Action: word(given.action()), OrderID: strings.TrimSpace(given.OrderID),
		TraderID: strings.TrimSpace(given.TraderID), Symbol: word(given.Symbol)}
	if !v.traded {
		v.because(matching.InvalidSymbol, "symbol %q is not traded here", clip(v.Symbol))
	}
	switch v.Action {
	case ActionNew:
		v.checkOrder()
		v.checkTrader()
		v.checkNew(&given)
	case ActionCancel:
		v.checkOrder()
		v.checkOwner()
	case ActionAmend:
		v.checkOrder()
		v.checkOwner()
		v.checkAmend(&given)
	case ActionCancelAll:
		v.OrderID = ""
		v.checkTrader()
	case ActionSetPhase:
		v.Phase = word(given.Phase)
		if _, ok := matching.ParsePhase([]byte(v.Phase)); !ok {
			v.because(matching.InvalidPhase, "phase %q is unknown", clip(given.Phase))
		}
	case ActionTick:
		v.checkTime(given.Time)
	default:
		v.because(matching.UnknownOp, "action %q is unknown", clip(given.Action))
	}
}

// maxName is the longest id of an order or a trader, in bytes.
const maxName = 64

// badName tells what is wrong with an id, which becomes part of keys, lines and trade records.
func badName(what, name string) string {
	if len(name) > maxName {
		return what + " is longer than 64 bytes"
	}
	if err := actors.CheckName(what, name); err != nil {
		return err.Error()
	}
	return ""
}

func (v *validation) checkOrder() {
	if bad := badName("order_id", v.OrderID); bad != "" {
		v.because(matching.InvalidID, "%s", bad)
	}
}

func (v *validation) checkTrader() {
	if bad := badName("trader_id", v.TraderID); bad != "" {
		v.because(matching.InvalidTrader, "%s", bad)
	}
}

// checkOwner checks a trader who need not be named.
func (v *validation) checkOwner() {
	if v.TraderID != "" {
		v.checkTrader()
	}
}

func (v *validation) checkNew(given *Command) {
	v.Side = word(given.Side)
	if _, ok := matching.ParseSide([]byte(v.Side)); !ok {
		v.because(matching.InvalidSide, "side %q is neither BUY nor SELL", clip(given.Side))
	}
	v.checkInstruction(given)
	v.Quantity = v.quantity("quantity", given.Quantity, matching.InvalidQty)
	// Whether an order of no known type needs a price nobody can say; one that it has must be a price.
	if v.OrderType == "LIMIT" || v.OrderType == "STOP_LIMIT" || given.Price != "" && !v.knownType() {
		v.Price = v.price("price", given.Price, matching.InvalidPrice)
	}
	if v.OrderType == "STOP" || v.OrderType == "STOP_LIMIT" {
		v.Trigger = v.price("trigger_price", given.Trigger, matching.InvalidTrigger)
	}
	if given.Display != 0 {
		v.checkDisplay(given)
	}
	if v.TIF == "GTD" {
		v.checkTime(given.Time)
	}
	v.Prevention = word(given.Prevention)
	if v.Prevention != "" {
		if _, ok := matching.ParsePrevention([]byte(v.Prevention)); !ok {
			v.because(matching.InvalidPrevention, "prevention %q is unknown", clip(given.Prevention))
		}
	}
}

// checkInstruction reads type and tif together: IOC, FOK and POST_ONLY as a type mean a LIMIT that
// says its tif already, and may say only the same one again.
func (v *validation) checkInstruction(given *Command) {
	v.OrderType, v.TIF = word(given.OrderType), word(given.TIF)
	switch v.OrderType {
	case "":
		v.OrderType = "LIMIT"
	case "IOC", "FOK", "POST_ONLY":
		if v.TIF != "" && v.TIF != "GTC" && v.TIF != v.OrderType {
			v.because(matching.InvalidTIF, "an order of type %s cannot be %s", v.OrderType, clip(v.TIF))
			return
		}
		v.OrderType, v.TIF = "LIMIT", v.OrderType
	}
	if v.TIF == "" {
		v.TIF = "GTC"
	}
	if !v.knownType() {
		v.because(matching.InvalidType, "order_type %q is unknown", clip(given.OrderType))
	}
	if _, ok := matching.ParseTIF([]byte(v.TIF)); !ok {
		v.because(matching.InvalidTIF, "tif %q is unknown", clip(given.TIF))
		return
	}
	market := v.OrderType == "MARKET" || v.OrderType == "STOP"
	if market && v.TIF == "POST_ONLY" || v.OrderType == "MARKET" && v.TIF == "GTD" {
		v.because(matching.InvalidTIF, "an order of type %s cannot be %s", v.OrderType, v.TIF)
	}
}

func (v *validation) knownType() bool {
	_, ok := matching.ParseType([]byte(v.OrderType))
	return ok
}

// checkDisplay checks an iceberg.
func (v *validation) checkDisplay(given *Command) {
	v.Display = v.quantity("display_quantity", given.Display, matching.InvalidDisplay)
	switch {
	case v.OrderType == "MARKET" || v.OrderType == "STOP" || v.TIF == "IOC" || v.TIF == "FOK":
		v.because(matching.InvalidDisplay, "display_quantity is for orders that rest")
	case v.Display <= 0 || v.Quantity <= 0: // said already
	case v.Display > v.Quantity:
		v.because(matching.InvalidDisplay, "display_quantity %d is more than the quantity %d", v.Display, v.Quantity)
	case (v.Quantity-1)/v.Display >= matching.MaxSlices:
		v.because(matching.InvalidDisplay, "display_quantity %d makes more than %d slices of %d", v.Display, matching.MaxSlices, v.Quantity)
	}
}

func (v *validation) checkAmend(given *Command) {
	if given.Quantity == 0 && given.Price == "" {
		v.because(matching.NothingToAmend, "neither quantity nor price is given")
	}
	if given.Quantity != 0 {
		v.Quantity = v.quantity("quantity", given.Quantity, matching.InvalidQty)
	}
	if given.Price != "" {
		v.Price = v.price("price", given.Price, matching.InvalidPrice)
	}
}

// quantity returns q, which is said to be wrong where it is.
func (v *validation) quantity(what string, q Quantity, invalid matching.Reason) Quantity {
	lots, whole := v.spec.Lots(int64(q))
	switch {
	case q == Unreadable:
		v.because(invalid, "%s is no whole number above 0", what)
	case q <= 0:
		v.because(invalid, "%s is %d, want more than 0", what, q)
	case v.traded && !whole:
		v.because(invalid, "%s %d is no multiple of the lot of %d", what, q, v.spec.Lot)
	case v.traded && lots > v.spec.MaxQty:
		v.because(invalid, "%s %d is above the limit of %d", what, q, v.spec.MaxQty*v.spec.Lot)
	}
	return q
}

// price returns d with the places of the symbol, or says what is wrong with it.
func (v *validation) price(what string, d Decimal, invalid matching.Reason) Decimal {
	if !v.traded {
		return d // there is no tick to hold it against
	}
	ticks, why := v.spec.ParsePrice([]byte(strings.TrimSpace(string(d))))
	switch why {
	case matching.NoReason:
		var digits [32]byte
		text := v.spec.AppendPrice(digits[:0], ticks)
		if string(text) == string(d) {
			return d
		}
		return Decimal(text)
	case matching.OffTickReason:
		v.because(why, "%s %q is between two ticks of %s", what, clip(string(d)), v.spec.AppendPrice(nil, 1))
	default:
		v.because(invalid, "%s %q is no decimal from %s to %s", what, clip(string(d)),
			v.spec.AppendPrice(nil, 1), v.spec.AppendPrice(nil, v.spec.MaxPrice))
	}
	return d
}

func (v *validation) checkTime(given string) {
	at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(given))
	if err != nil || at.UnixMicro() <= 0 {
		v.because(matching.InvalidTime, "time %q is no RFC 3339 time after 1970", clip(given))
		v.Time = given
		return
	}
	v.Time = at.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
}
