"""A language model of random numbers in the file format of llama.cpp: half a megabyte, made in a second, the same every time.

    python tiny_model.py FILE

It speaks nonsense, but through the same server as any other model. The rows of byte tokens are zero, so its text is valid UTF-8.
"""

from __future__ import annotations

import string
import sys

import gguf
import numpy

WORDS = """the a cat dog rain moon tree river stone light dark runs sings sleeps over under near far blue red green old new
small great and then while because slowly quickly model mesh picture print layer seed cache hit miss answer""".split()
LETTERS = string.ascii_letters + string.digits + ".,:;!?'\"-_{}[]()<>|/\n"
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WIDTH, INNER, HEADS, LAYERS = 64, 128, 4, 2
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def write(path: str) -> None:
    tokens = list(dict.fromkeys([*SPECIAL, *BYTES, "▁", *LETTERS, *(f"▁{word}" for word in WORDS)]))
    kind = gguf.TokenType
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * 256
    kinds += [kind.NORMAL] * (len(tokens) - len(kinds))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("refrain-tiny-random")
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(rank) for rank in range(len(tokens))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(True)
    writer.add_chat_template(TEMPLATE)
    numbers = numpy.random.default_rng(7)

    def tensor(*shape: int, scale: float = 2) -> numpy.ndarray:
        values = numbers.standard_normal(shape) / numpy.sqrt(shape[-1]) * scale
        return values.astype(numpy.float32)

    writer.add_tensor("token_embd.weight", tensor(len(tokens), WIDTH, scale=8))
    output = tensor(len(tokens), WIDTH, scale=6)
    output[: len(SPECIAL) + len(BYTES)] = 0
    writer.add_tensor("output.weight", output)
    ones = numpy.ones(WIDTH, numpy.float32)
    writer.add_tensor("output_norm.weight", ones)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        writer.add_tensor(block + "attn_norm.weight", ones)
        writer.add_tensor(block + "ffn_norm.weight", ones)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"{block}{name}.weight", tensor(WIDTH, WIDTH))
        writer.add_tensor(block + "ffn_gate.weight", tensor(INNER, WIDTH))
        writer.add_tensor(block + "ffn_up.weight", tensor(INNER, WIDTH))
        writer.add_tensor(block + "ffn_down.weight", tensor(WIDTH, INNER))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1])
