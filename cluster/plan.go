package cluster

// Plan says who is to own each shard: the index is the shard, the value a member's ID, or empty where
// nobody is to.
type Plan []string

// NewPlan returns a plan in which nobody owns anything, of as many shards as given.
func NewPlan(shards int) Plan { return make(Plan, shards) }

// Move is a shard that gets another owner. From is empty where it had none, To where it gets none.
type Move struct {
	Shard    uint32
	From, To string
}

// Moves returns what must move for next to follow p, by shard. Both must have as many shards.
func (p Plan) Moves(next Plan) []Move {
	var moves []Move
	for s, from := range p {
		if to := next[s]; to != from {
			moves = append(moves, Move{Shard: uint32(s), From: from, To: to})
		}
	}
	return moves
}

// Of returns the shards of a member, ascending.
func (p Plan) Of(id string) []uint32 {
	var shards []uint32
	for s, owner := range p {
		if owner == id {
			shards = append(shards, uint32(s))
		}
	}
	return shards
}

// Loads returns how many shards each owner has. Who has none is not listed.
func (p Plan) Loads() map[string]int {
	loads := make(map[string]int)
	for _, owner := range p {
		if owner != "" {
			loads[owner]++
		}
	}
	return loads
}
