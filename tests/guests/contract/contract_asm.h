/* What assembly needs of contract.h. */
#if defined(KERNEL_A13) || defined(KERNEL_A14) || defined(KERNEL_M1)
#define SPRR 1
#endif
