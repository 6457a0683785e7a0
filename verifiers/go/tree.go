package main

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
)

// The tree of RFC 6962 over the entry hashes of a ledger.

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// LeafHash is SHA-256(0x00 | entry hash).
func LeafHash(entry Hash) Hash {
	var data [1 + sha256.Size]byte
	copy(data[1:], entry[:])
	return sha256.Sum256(data[:])
}

// NodeHash is SHA-256(0x01 | left | right).
func NodeHash(left, right Hash) Hash {
	var data [1 + 2*sha256.Size]byte
	data[0] = 1
	copy(data[1:], left[:])
	copy(data[1+sha256.Size:], right[:])
	return sha256.Sum256(data[:])
}

// Tree grows by a leaf at a time; it keeps only the roots of the whole subtrees on its right edge.
type Tree struct {
	Size int64
	edge []Hash
}

// NewTree goes on where a tree of this size stopped.
func NewTree(size int64, edge []Hash) (*Tree, error) {
	if bits.OnesCount64(uint64(size)) != len(edge) {
		return nil, fmt.Errorf("edge: expected one hash for each whole subtree")
	}
	return &Tree{Size: size, edge: append([]Hash(nil), edge...)}, nil
}

// Push appends a leaf.
func (t *Tree) Push(entry Hash) {
	hash := LeafHash(entry)
	for index := t.Size; index&1 == 1; index >>= 1 {
		last := len(t.edge) - 1
		hash = NodeHash(t.edge[last], hash)
		t.edge = t.edge[:last]
	}
	t.edge = append(t.edge, hash)
	t.Size++
}

// Root of all leaves so far.
func (t *Tree) Root() Hash {
	if len(t.edge) == 0 {
		return sha256.Sum256(nil)
	}
	hash := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		hash = NodeHash(t.edge[i], hash)
	}
	return hash
}

// InclusionHolds follows RFC 9162, 2.1.3.2.
func InclusionHolds(leaf Hash, index, size int64, proof []Hash, root Hash) bool {
	if index < 0 || index >= size {
		return false
	}
	fn, sn, hash := index, size-1, leaf
	for _, sibling := range proof {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			hash = NodeHash(sibling, hash)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			hash = NodeHash(hash, sibling)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && hash == root
}

// ConsistencyHolds follows RFC 9162, 2.1.4.2.
func ConsistencyHolds(from, to int64, fromRoot, toRoot Hash, proof []Hash) bool {
	switch {
	case from < 0 || from > to:
		return false
	case from == to:
		return len(proof) == 0 && fromRoot == toRoot
	case from == 0:
		return len(proof) == 0 && fromRoot == sha256.Sum256(nil)
	}
	path := proof
	if from&(from-1) == 0 {
		path = append([]Hash{fromRoot}, proof...)
	}
	if len(path) == 0 {
		return false
	}
	fn, sn := from-1, to-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	older, newer := path[0], path[0]
	for _, hash := range path[1:] {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			older, newer = NodeHash(hash, older), NodeHash(hash, newer)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			newer = NodeHash(newer, hash)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && older == fromRoot && newer == toRoot
}
