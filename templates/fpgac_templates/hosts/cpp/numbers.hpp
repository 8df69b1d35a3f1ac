// Numbers to raw words in the layout of the kernel, and back.

#pragma once

#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

#include "contract.hpp"

namespace fpga {

constexpr std::size_t INPUTS = std::tuple_size_v<Inputs>;
constexpr std::size_t OUTPUTS = std::tuple_size_v<Outputs>;

// `rows` samples of numbers, scaled, become rows of raw words in the layout of the kernel.
template <class Tensor, class Number>
void to_raw(const Number* numbers, std::size_t rows, typename Tensor::Word* words) {
    if constexpr (Tensor::STRIDE == Tensor::SIZE && !Tensor::SCALED) {
        for (std::size_t i = 0; i < rows * Tensor::SIZE; i++)
            words[i] = Tensor::raw_word(numbers[i]);
    } else {
        for (std::size_t row = 0; row < rows; row++) {
            for (std::size_t i = 0; i < Tensor::SIZE; i++)
                words[row * Tensor::STRIDE + i] =
                    Tensor::raw_word(Tensor::scaled(numbers[row * Tensor::SIZE + i], i));
            for (std::size_t i = Tensor::SIZE; i < Tensor::STRIDE; i++)
                words[row * Tensor::STRIDE + i] = 0;
        }
    }
}

// Rows in the layout of the kernel become results without the padding: numbers, or with RAW words.
template <class Tensor, bool RAW>
using Result = std::conditional_t<RAW, typename Tensor::Word, typename Tensor::Number>;

template <class Tensor, bool RAW>
void from_raw(const typename Tensor::Word* words, std::size_t rows, Result<Tensor, RAW>* out) {
    for (std::size_t row = 0; row < rows; row++)
        for (std::size_t i = 0; i < Tensor::SIZE; i++) {
            const auto word = words[row * Tensor::STRIDE + i];
            if constexpr (RAW)
                out[row * Tensor::SIZE + i] = word;
            else
                out[row * Tensor::SIZE + i] = Tensor::number(word);
        }
}

template <class... Tensors>
constexpr std::array<std::size_t, sizeof...(Tensors)> row_bytes(const std::tuple<Tensors...>*) {
    return {Tensors::STRIDE * sizeof(typename Tensors::Word)...};
}

// Bytes in a row of each input and output.
constexpr auto INPUT_ROW_BYTES = row_bytes(static_cast<Inputs*>(nullptr));
constexpr auto OUTPUT_ROW_BYTES = row_bytes(static_cast<Outputs*>(nullptr));

// Calls function(i, Tensor*) for each tensor of a tuple, with a null pointer that has its type.
template <class Tuple, class Function, std::size_t... I>
void for_each_of(const Function& function, std::index_sequence<I...>) {
    (function(I, static_cast<std::tuple_element_t<I, Tuple>*>(nullptr)), ...);
}
template <class Tuple, class Function> void for_each_tensor(const Function& function) {
    for_each_of<Tuple>(function, std::make_index_sequence<std::tuple_size_v<Tuple>>());
}

} // namespace fpga
