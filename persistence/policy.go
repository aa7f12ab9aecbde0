package persistence

// SnapshotPolicy says how a cell's state is kept. The zero value of a field means its default.
type SnapshotPolicy struct {
	// Records is the least number of records between two snapshots. Default 16: what a
	// record keeps alive in memory, its event and payload, outweighs a small state soon. With
	// 10,000 cells, 64 records each cost half as much again, in collecting garbage.
	Records int
	// Weight is how many times the records since the last snapshot must weigh what it weighs. Default
	// 4: with 1, an order book of some thousand orders spent a third of its time on snapshots; with 4 there
	// is at most four times its size to be stepped through after a crash.
	Weight int
	// InPlace is the largest encoded state, in bytes, that is stored whole with every change
	// instead of by records. Default 4,096; negative turns it off. Where nothing is encoded
	// otherwise, in memory, it applies only to states that the record of one change
	// outweighs Weight times: up to 128 bytes, by default.
	InPlace int
}

// Defaults of SnapshotPolicy.
const (
	DefaultSnapshotRecords = 16
	DefaultSnapshotWeight  = 4
	DefaultInPlaceLimit    = 4 << 10
)

// WithDefaults returns p with its zero fields filled.
func (p SnapshotPolicy) WithDefaults() SnapshotPolicy {
	if p.Records == 0 {
		p.Records = DefaultSnapshotRecords
	}
	if p.Weight == 0 {
		p.Weight = DefaultSnapshotWeight
	}
	if p.InPlace == 0 {
		p.InPlace = DefaultInPlaceLimit
	}
	return p
}

// Whole reports whether a state that last took so many bytes is stored whole with its next change, in
// place of a record. encoded says that events are encoded anyway, and the state is cheap beside them; else
// encoding it must cost less than a record does, which keeps an event and its payload in memory.
func (p SnapshotPolicy) Whole(encoded bool, recordBytes, stateBytes int) bool {
	return stateBytes <= p.InPlace && (encoded || recordBytes/p.Weight >= stateBytes)
}

// Due reports whether a snapshot is worth its cost: the records since the last one are
// many enough and weigh several times what the snapshot will, so that snapshots stay a small and
// constant share of all that is written.
func (p SnapshotPolicy) Due(records int, recordBytes, stateBytes int) bool {
	return records >= p.Records && recordBytes/p.Weight >= stateBytes
}
