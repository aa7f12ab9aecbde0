// Package clustertest runs several nodes of a cluster over one real redis-server, under load, and lets them come, go and
// fail. It has tests only.
//
//	publisher ────────────────────┐
//	node a (one process's worth)──┼─► redis-server
//	node b ───────────────────────┤
//	node c ─► proxy ──────────────┘
//
// Every event carries its number among those of its key, and the cell of the key notes each that is not the next: so a
// cell that ends at the last number and has noted nothing has lost nothing, done nothing twice, and seen nothing out
// of order. Cells are read when everything is at rest, by a node that has had no part in it.
package clustertest
