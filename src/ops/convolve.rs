//! The numbers of a convolution: each of input, weight and result from the other two, as products of matrices whose
//! columns are what the kernel sees.

use ndarray::{Array2, ArrayView2, LinalgScalar};
use smallvec::SmallVec;

use super::array::{Array, Element};
use super::kernels::{Sum, ravel, unravel};
use super::meta::{Dtype, Shape};
use super::row::OpError;

/// How the kernel moves over the input.
#[derive(Clone, PartialEq, Debug)]
pub struct Geometry {
    /// Steps, one a dimension.
    pub stride: SmallVec<[i64; 4]>,
    /// Zeros at either side, one a dimension.
    pub padding: SmallVec<[i64; 4]>,
    /// Steps between the taps of the kernel, one a dimension.
    pub dilation: SmallVec<[i64; 4]>,
    /// Groups of channels that do not mix.
    pub groups: i64,
}

/// For each place in the columns of one sample and group (channel and kernel, then result), the place in that part of
/// the input, if any.
fn columns(
    input: &[usize],
    kernel: &[usize],
    output: &[usize],
    channels: usize,
    g: &Geometry,
) -> Vec<Option<usize>> {
    let (taps, blocks) = (
        kernel.iter().product::<usize>(),
        output.iter().product::<usize>(),
    );
    let area: usize = input.iter().product();
    let starts: Vec<Shape> = (0..blocks).map(|block| unravel(block, output)).collect();
    let mut places = Vec::with_capacity(channels * taps * blocks);
    for channel in 0..channels {
        for tap in 0..taps {
            let offset = unravel(tap, kernel);
            places.extend(starts.iter().map(|start| {
                let mut index = Shape::new();
                for dim in 0..input.len() {
                    let at = start[dim] as i64 * g.stride[dim] - g.padding[dim]
                        + offset[dim] as i64 * g.dilation[dim];
                    index.push(
                        (0..input[dim] as i64)
                            .contains(&at)
                            .then_some(at as usize)?,
                    );
                }
                Some(channel * area + ravel(&index, input))
            }));
        }
    }
    places
}

/// The three tensors of a convolution (input, weight, result), as flat numbers with the sizes that they have.
pub struct Sides<'a> {
    /// The input's sizes.
    pub input: &'a [usize],
    /// The weight's sizes.
    pub weight: &'a [usize],
    /// The result's sizes.
    pub output: &'a [usize],
    /// How the kernel moves.
    pub g: &'a Geometry,
}

impl Sides<'_> {
    fn groups(&self) -> usize {
        self.g.groups as usize
    }
    /// Channels of the input and of the result in a group.
    fn channels(&self) -> (usize, usize) {
        (self.weight[1], self.weight[0] / self.groups())
    }
    fn taps(&self) -> usize {
        self.weight[1..].iter().product()
    }
    fn blocks(&self) -> usize {
        self.output[2..].iter().product()
    }
    fn columns(&self) -> Vec<Option<usize>> {
        columns(
            &self.input[2..],
            &self.weight[2..],
            &self.output[2..],
            self.weight[1],
            self.g,
        )
    }
    /// The samples and groups, each with where its part of the input, the weight and the result starts.
    fn parts(&self) -> Vec<(usize, usize, usize)> {
        let (inner, outer) = self.channels();
        let area: usize = self.input[2..].iter().product();
        let (inputs, outputs) = (inner * area, outer * self.blocks());
        let groups = self.groups();
        (0..self.input[0] * groups)
            .map(|part| {
                (
                    part * inputs,
                    part % groups * outer * self.taps(),
                    part * outputs,
                )
            })
            .collect()
    }
    fn gathered<T: Element>(
        &self,
        places: &[Option<usize>],
        values: &[T],
        start: usize,
    ) -> Array2<T> {
        let picked = places
            .iter()
            .map(|place| place.map_or(T::default(), |place| values[start + place]))
            .collect();
        Array2::from_shape_vec((self.taps(), self.blocks()), picked).unwrap_or_default()
    }
    fn matrix<'v, T>(
        &self,
        values: &'v [T],
        start: usize,
        rows: usize,
        columns: usize,
    ) -> Result<ArrayView2<'v, T>, OpError> {
        ArrayView2::from_shape((rows, columns), &values[start..start + rows * columns])
            .map_err(|_| OpError::Unsupported("a convolution of such sizes".into()))
    }
    fn forward<T: Element + LinalgScalar>(
        &self,
        input: &[T],
        weight: &[T],
    ) -> Result<Vec<T>, OpError> {
        let (places, (_, outer)) = (self.columns(), self.channels());
        let mut output = Vec::with_capacity(self.output.iter().product());
        for (from, kernel, _) in self.parts() {
            let product = self
                .matrix(weight, kernel, outer, self.taps())?
                .dot(&self.gathered(&places, input, from));
            output.extend(product.as_standard_layout().iter());
        }
        Ok(output)
    }
    fn to_input<T: Element + LinalgScalar + Sum>(
        &self,
        grad: &[T],
        weight: &[T],
    ) -> Result<Vec<T>, OpError> {
        let (places, (_, outer)) = (self.columns(), self.channels());
        let mut input = vec![T::default(); self.input.iter().product()];
        for (from, kernel, to) in self.parts() {
            let weight = self.matrix(weight, kernel, outer, self.taps())?;
            let product = weight
                .t()
                .dot(&self.matrix(grad, to, outer, self.blocks())?);
            for (&place, &value) in places.iter().zip(product.as_standard_layout().iter()) {
                if let Some(place) = place {
                    input[from + place] = input[from + place].plus(value);
                }
            }
        }
        Ok(input)
    }
    fn to_weight<T: Element + LinalgScalar + Sum>(
        &self,
        grad: &[T],
        input: &[T],
    ) -> Result<Vec<T>, OpError> {
        let (places, (_, outer)) = (self.columns(), self.channels());
        let mut weight = vec![T::default(); self.weight.iter().product()];
        for (from, kernel, to) in self.parts() {
            let columns = self.gathered(&places, input, from);
            let product = self
                .matrix(grad, to, outer, self.blocks())?
                .dot(&columns.t());
            for (value, &part) in weight[kernel..]
                .iter_mut()
                .zip(product.as_standard_layout().iter())
            {
                *value = value.plus(part);
            }
        }
        Ok(weight)
    }
    /// Runs one of the three for whichever type the arrays have.
    pub fn run(&self, side: Side, first: &Array, second: &Array) -> Result<Array, OpError> {
        super::layout::checked_numel(&[self.taps(), self.blocks()])?;
        let shape = match side {
            Side::Output => self.output,
            Side::Input => self.input,
            Side::Weight => self.weight,
        };
        if first.dtype() == Dtype::F32 {
            let values =
                self.values(side, &first.values_as::<f32>(), &second.values_as::<f32>())?;
            return Ok(Array::from_vec::<f32>(shape, values));
        }
        // Integers, too: their products and sums are exact as far as 2^53.
        let values = self.values(side, &first.values_as::<f64>(), &second.values_as::<f64>())?;
        Ok(Array::from_vec::<f64>(shape, values).cast(first.dtype()))
    }
    fn values<T: Element + LinalgScalar + Sum>(
        &self,
        side: Side,
        first: &[T],
        second: &[T],
    ) -> Result<Vec<T>, OpError> {
        match side {
            Side::Output => self.forward(first, second),
            Side::Input => self.to_input(first, second),
            Side::Weight => self.to_weight(first, second),
        }
    }
}

/// Which of the three is computed from the other two.
#[derive(Clone, Copy)]
pub enum Side {
    /// The result, from input and weight.
    Output,
    /// The input, from (the gradient of) the result and the weight.
    Input,
    /// The weight, from (the gradient of) the result and the input.
    Weight,
}
