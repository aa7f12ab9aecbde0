package desk

import (
	"encoding/hex"
	"time"

	"github.com/necrostack/necrostack/examples/trading_orderbook/matching"
)

// DepthOf asks MatchingEngine for the Depth of a symbol: so many levels of each side, 0 for all.
type DepthOf struct {
	Levels int `json:"levels"`
}

// Depth is what everybody may see of a book, best levels first.
type Depth struct {
	Symbol   string  `json:"symbol"`
	Phase    string  `json:"phase"`
	Last     string  `json:"last_price,omitempty"` // of the last trade
	Sequence uint64  `json:"sequence"`             // of the last BOOK_CHANGED that is in it
	Bids     []Level `json:"bids"`
	Asks     []Level `json:"asks"`
}

// Level is one price.
type Level struct {
	Price    string `json:"price"`
	Quantity int64  `json:"quantity"` // what its orders show
	Orders   int64  `json:"orders"`
}

func (b *book) depth(q DepthOf) (Depth, error) {
	return Depth{
		Symbol: b.spec.Name, Phase: b.engine.Phase(b.symbol).String(), Last: b.text(b.engine.LastPrice(b.symbol)),
		Sequence: b.sequence, Bids: b.side(matching.Buy, q.Levels), Asks: b.side(matching.Sell, q.Levels),
	}, nil
}

func (b *book) side(side matching.Side, most int) []Level {
	found := []Level{}
	for level := range b.engine.Levels(b.symbol, side) {
		found = append(found, Level{b.text(level.Price), b.units(level.Qty), int64(level.Count)})
		if len(found) == most {
			break
		}
	}
	return found
}

// text is price without the cache, which an answer has no right to change.
func (b *book) text(ticks int64) string {
	if ticks == 0 {
		return ""
	}
	return string(b.spec.AppendPrice(nil, ticks))
}

// BookStateOf asks MatchingEngine for the BookState of a symbol. The answer takes time in proportion to
// the orders that are live.
type BookStateOf struct {
	Orders bool `json:"orders,omitempty"` // BookState.Orders is wanted
}

// BookState is what a book comes to.
type BookState struct {
	Symbol string    `json:"symbol"`
	Trades uint64    `json:"trades"`
	Live   int       `json:"live_orders"` // in the book
	Parked int       `json:"parked_orders"`
	Time   time.Time `json:"time,omitzero"` // of the last TICK
	Hash   string    `json:"hash"`          // of all orders that are live; see package matching, R21
	// Orders are those in the book, BUY before SELL, each side in the order in which they trade.
	Orders []RestingOrder `json:"orders,omitempty"`
}

// RestingOrder is one order in the book.
type RestingOrder struct {
	OrderID   string `json:"order_id"`
	TraderID  string `json:"trader_id"`
	Side      string `json:"side"`
	TIF       string `json:"tif"`
	Price     string `json:"price"`
	Remaining int64  `json:"remaining_quantity"`
}

func (b *book) state(q BookStateOf) (BookState, error) {
	hash := b.engine.Hash()
	state := BookState{
		Symbol: b.spec.Name, Trades: b.engine.Trades(), Live: b.engine.Live(), Parked: b.engine.ParkedOrders(),
		Hash: hex.EncodeToString(hash[:]),
	}
	if q.Orders {
		state.Orders = b.resting()
	}
	if now := b.engine.Now(); now != 0 {
		state.Time = time.UnixMicro(now).UTC()
	}
	return state, nil
}

// resting lists the orders in the book. It prints names afresh: an answer has no right to change the cache.
func (b *book) resting() []RestingOrder {
	names := b.engine.Names()
	found := []RestingOrder{}
	for _, side := range []matching.Side{matching.Buy, matching.Sell} {
		for o := range b.engine.Orders(b.symbol, side) {
			found = append(found, RestingOrder{
				string(names.AppendOrder(nil, o.Order)), string(names.AppendTrader(nil, o.Trader)), side.String(), o.TIF.String(),
				b.text(o.Price), b.units(o.Left),
			})
		}
	}
	return found
}
