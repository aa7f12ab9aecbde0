// Package clustertest runs several nodes of a cluster over one real redis-server, under load, and lets them come, go and
// fail: within this process where that will do, else each in a process of its own, which is this test binary again. It has
// tests only.
//
//	publisher ──────────┐
//	node a ─────────────┼─► redis-server ──► watch
//	node b ─────────────┤
//	node c ─► proxy ────┘
//
// Every event carries its number among those of its key, and the cell of the key counts what is not the next: so a
// cell that ends at the last number and has counted nothing has lost nothing, done nothing twice, and seen nothing out
// of order. Cells are read when everything is at rest, by a node that has had no part in it. Handlers also write a diary, a file
// that no store takes back: it tells what was executed, and how often.
//
// The watch reads from the store who has which shard in which epoch, when it commits, and which plans are in force, whatever
// the nodes say of themselves.
//
// Pauses are held to what is promised by -cluster.strict, on a machine of its own. Random faults, for as long as one likes, are those of
// package chaos.
package clustertest
