package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const proofFormat = "c2sp.org/tlog-proof@v1"

// Receipt is what a proven entry says of itself.
type Receipt struct {
	Result    string `json:"result"`
	Sequence  int64  `json:"sequence"`
	Decision  string `json:"decision"`
	EntryHash string `json:"entry_hash"`
	CoveredBy int64  `json:"covered_by"`
}

var indexLine = regexp.MustCompile(`^index (0|[1-9][0-9]{0,15})$`)

// VerifyReceipt checks a file of c2sp.org/tlog-proof, whose extra data is previous hash and body.
func VerifyReceipt(text string, trust Trust) (Receipt, error) {
	head, note, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != proofFormat || len(lines) < 3 || len(lines) > 66 || !strings.HasPrefix(lines[1], "extra ") {
		return Receipt{}, fmt.Errorf("proof: expected %s with the entry as extra data", proofFormat)
	}
	extra, err := fromBase64(lines[1][len("extra "):])
	match := indexLine.FindStringSubmatch(lines[2])
	if err != nil || len(extra) <= len(Hash{}) || match == nil {
		return Receipt{}, errors.New("proof: expected extra data and an index")
	}
	index, err := strconv.ParseInt(match[1], 10, 64)
	if err != nil {
		return Receipt{}, err
	}
	proof := make([]Hash, 0, len(lines)-3)
	for _, line := range lines[3:] {
		hash, err := fromBase64(line)
		if err != nil || len(hash) != len(Hash{}) {
			return Receipt{}, errors.New("proof: expected hashes in base64")
		}
		proof = append(proof, Hash(hash))
	}
	checkpoint, err := OpenCheckpoint(note, trust)
	if err != nil {
		return Receipt{}, err
	}
	if !checkpoint.IsWitnessed {
		return Receipt{}, errors.New("checkpoint: not cosigned by as many witnesses as are needed")
	}
	body := extra[len(Hash{}):]
	hash, _ := EntryHash(nil, Hash(extra[:len(Hash{})]), body)
	if !InclusionHolds(LeafHash(hash), index, checkpoint.Size, proof, checkpoint.Root) {
		return Receipt{}, errors.New("proof: the entry is not in the tree")
	}
	decoded, err := DecodeBody(body)
	if err != nil || decoded.Sequence != uint64(index)+1 {
		return Receipt{}, errors.New("proof: the entry is of another place")
	}
	decision := "dec_" + hex.EncodeToString(body[36:52])
	return Receipt{"PASS", index + 1, decision, hex.EncodeToString(hash[:]), checkpoint.Size}, nil
}
