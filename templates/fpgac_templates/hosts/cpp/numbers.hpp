// Numbers to raw words in the layout of the kernel, and back.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

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
                    Tensor::raw_word_at(numbers[row * Tensor::SIZE + i], i);
            for (std::size_t i = Tensor::SIZE; i < Tensor::STRIDE; i++)
                words[row * Tensor::STRIDE + i] = 0;
        }
    }
}

// What results are: the kernel's raw words, the network's numbers, or what these mean.
enum class Form { WORDS, NUMBERS, DECODED };

// How a row of the kernel's becomes one result of a form, without the padding.
template <class Tensor> struct AsWords {
    using Value = typename Tensor::Word;
    static constexpr auto SHAPE = Tensor::SHAPE;
    static void convert(const typename Tensor::Word* words, Value* out) {
        std::copy_n(words, Tensor::SIZE, out);
    }
};

template <class Tensor> struct AsNumbers {
    using Value = typename Tensor::Number;
    static constexpr auto SHAPE = Tensor::SHAPE;
    static void convert(const typename Tensor::Word* words, Value* out) {
        for (std::size_t i = 0; i < Tensor::SIZE; i++)
            out[i] = Tensor::number(words[i]);
    }
};

template <class Tensor> struct AsMeaning {
    using Value = typename Tensor::Meaning;
    static constexpr auto SHAPE = Tensor::MEANING_SHAPE;
    static void convert(const typename Tensor::Word* words, Value* out) {
        static std::vector<double> numbers(Tensor::SIZE);
        std::transform(words, words + Tensor::SIZE, numbers.begin(), Tensor::number);
        Tensor::meaning(numbers.data(), out);
    }
};

// The numbers in one result of a form.
template <class As> constexpr std::size_t size_of_result() {
    std::size_t size = 1;
    for (const std::size_t axis : As::SHAPE)
        size *= axis;
    return size;
}

// Rows in the layout of the kernel become results.
template <class Tensor, template <class> class As>
void from_raw(const typename Tensor::Word* words, std::size_t rows, typename As<Tensor>::Value* out) {
    for (std::size_t row = 0; row < rows; row++)
        As<Tensor>::convert(words + row * Tensor::STRIDE, out + row * size_of_result<As<Tensor>>());
}

// Calls function(As<Tensor>*) for a form, with a null pointer that has its type. What has no
// decoding means itself.
template <class Tensor, class Function> void in_form(Form form, const Function& function) {
    if (form == Form::WORDS)
        return function(static_cast<AsWords<Tensor>*>(nullptr));
    if constexpr (Tensor::DECODED)
        if (form == Form::DECODED)
            return function(static_cast<AsMeaning<Tensor>*>(nullptr));
    function(static_cast<AsNumbers<Tensor>*>(nullptr));
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
