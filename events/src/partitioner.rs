//! Which partition a key belongs to: murmur2 as in the Java client's default partitioner.

use crate::{Kind, ShardId};

/// The partition of a key among `partitions`, which must be positive.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    // The Java client clears the sign bit rather than taking the absolute value.
    let positive = (murmur2(key) & 0x7fff_ffff).cast_signed();
    positive % partitions.max(1)
}

/// The shard that owns a key.
pub fn shard_of(kind: Kind, key: &str, partitions: i32) -> ShardId {
    ShardId::new(kind, partition_of(key.as_bytes(), partitions))
}

/// MurmurHash2, 32 bits, with Kafka's seed (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // A key is far shorter than 4 GiB; the algorithm mixes the low 32 bits of the length.
    #[allow(clippy::cast_possible_truncation)]
    let mut hash = SEED ^ (data.len() as u32);
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_agrees_with_the_vectors_of_the_java_client() {
        // From Kafka's UtilsTest.testMurmur2.
        let vectors: [(&[u8], i32); 5] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key).cast_signed(), hash);
        }
    }

    #[test]
    fn a_partition_is_always_in_range() {
        for n in 0..1000 {
            assert!((0..7).contains(&partition_of(format!("key-{n}").as_bytes(), 7)));
        }
    }
}
