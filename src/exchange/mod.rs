//! Floor 3: registers and other people's formats, in and out. Bytes to checked values and back.
//!
//! A file from elsewhere is never refused for one bad record: the record is told with its line and field, the rest is
//! taken. Nothing is deleted because it is absent. Must never fetch, execute or expand anything that a file names, and
//! never publish: what comes out are values and files, which people look at and sign.
pub mod calendar;
pub mod contract;
pub mod findability;
pub mod finding;
pub mod gv100;
pub mod leika;
pub mod markup;
pub mod ocds;
pub mod offerings;
pub mod sheet;
pub mod source;
pub mod succession;
pub mod table;
pub mod tags;
pub mod ubl;
pub mod xml;
pub mod xzufi;
